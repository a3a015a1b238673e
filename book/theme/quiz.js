// Quizzes: choose, check, and read why. Nothing is kept, nothing is sent.
'use strict';

document.querySelectorAll('.quiz-item').forEach((item, number) => {
    const { make } = lineage;
    const answers = [...item.querySelectorAll('li[data-correct]')];
    const question = item.querySelector('p');
    question.id = question.id || `question-${number + 1}`;
    const verdict = make('p', { class: 'verdict', role: 'status' });

    const inputs = answers.map((answer) => {
        const text = answer.querySelector('.answer');
        const input = make('input', { type: 'radio', name: `quiz-${number + 1}` });
        const why = answer.querySelector('.why');
        const details = why.closest('details');
        answer.replaceChildren(make('label', {}, input, text), why);
        if (details && details.isConnected) {
            details.remove();
        }
        why.hidden = true;
        return input;
    });
    const list = answers[0].parentNode;
    list.setAttribute('role', 'radiogroup');
    list.setAttribute('aria-labelledby', question.id);
    answers.forEach(answer => answer.setAttribute('role', 'presentation'));

    // A wrong answer is explained and can be corrected; the right one explains all of them.
    function check() {
        const chosen = inputs.findIndex(input => input.checked);
        if (chosen < 0) {
            verdict.textContent = 'Choose an answer first.';
            return;
        }
        const isRight = answers[chosen].dataset.correct === 'true';
        answers.forEach((answer, n) => {
            const isShown = isRight || n === chosen;
            answer.querySelector('.why').hidden = !isShown;
            answer.classList.toggle('shown', isShown);
        });
        const why = answers[chosen].querySelector('.why').textContent.trim();
        verdict.textContent = isRight ? `✓ Right. ${why}` : `✗ Not this one. ${why}`;
    }

    item.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' && event.target.type === 'radio') {
            event.preventDefault();
            check();
        }
        if (event.key.startsWith('Arrow')) {
            event.stopPropagation(); // mdBook would turn the page
        }
    });
    list.after(make('button', { type: 'button', click: check }, 'Check'), verdict);
});
