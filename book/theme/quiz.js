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

  // A wrong answer is explained and can be corrected; the right one explains the others.
  function check() {
    const chosen = inputs.findIndex(input => input.checked);
    if (chosen < 0) {
      verdict.textContent = 'Choose an answer first.';
      return;
    }
    const isRight = answers[chosen].dataset.correct === 'true';
    const why = n => answers[n].querySelector('.why');
    answers.forEach((answer, n) => {
      why(n).hidden = !isRight || n === chosen;
      answer.classList.toggle('shown', isRight || n === chosen);
    });
    verdict.replaceChildren(isRight ? '✓ ' : '✗ ', ...why(chosen).cloneNode(true).childNodes);
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
