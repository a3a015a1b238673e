// Quizzes: answer, check, and read why. Nothing is kept, nothing is sent.
'use strict';

(() => {
  // A question: its fold leaves the page, and its words come with the verdict.
  class Item {
    constructor(element, number) {
      this.element = element;
      this.number = number + 1;
      this.question = element.querySelector('p');
      this.question.id ||= `question-${this.number}`;
      this.verdict = make('p', { class: 'verdict', role: 'status' });
      this.button = make('button', { type: 'button', click: () => this.check() }, 'Check');
      this.fold = element.querySelector('details.right');
      this.build();
      element.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' && event.target.tagName === 'INPUT') {
          event.preventDefault();
          this.check();
        }
        if (event.key.startsWith('Arrow')) {
          event.stopPropagation(); // mdBook would turn the page
        }
      });
    }

    say(isRight, ...words) {
      this.verdict.replaceChildren(isRight ? '✓ ' : '✗ ', ...words);
    }

    // Right: why. Wrong: a hint, and the answer can be corrected.
    judge(isRight, hint) {
      this.fold.hidden = !isRight;
      this.fold.open = isRight;
      this.say(isRight, isRight ? 'Right.' : hint);
    }

    ask(...elements) {
      this.fold.hidden = true;
      this.fold.before(...elements, this.button, this.verdict);
    }
  }

  class Choice extends Item {
    build() {
      this.answers = [...this.element.querySelectorAll('li[data-correct]')];
      this.inputs = this.answers.map((answer) => {
        const text = answer.querySelector('.answer');
        const input = make('input', { type: 'radio', name: `quiz-${this.number}` });
        const why = answer.querySelector('.why');
        answer.replaceChildren(make('label', {}, input, text), why);
        why.hidden = true;
        return input;
      });
      const list = this.answers[0].parentNode;
      list.setAttribute('role', 'radiogroup');
      list.setAttribute('aria-labelledby', this.question.id);
      this.answers.forEach(answer => answer.setAttribute('role', 'presentation'));
      list.after(this.button, this.verdict);
    }

    // A wrong answer is explained and can be corrected; the right one explains the others.
    check() {
      const chosen = this.inputs.findIndex(input => input.checked);
      if (chosen < 0) {
        this.verdict.textContent = 'Choose an answer first.';
        return;
      }
      const isRight = this.answers[chosen].dataset.correct === 'true';
      const why = n => this.answers[n].querySelector('.why');
      this.answers.forEach((answer, n) => {
        why(n).hidden = !isRight || n === chosen;
        answer.classList.toggle('shown', isRight || n === chosen);
      });
      this.say(isRight, ...why(chosen).cloneNode(true).childNodes);
    }
  }

  // Lines that buttons move up and down.
  class Order extends Item {
    build() {
      this.list = this.element.querySelector('.mixed');
      this.list.setAttribute('aria-labelledby', this.question.id);
      [...this.list.children].forEach((line) => {
        const text = line.textContent;
        const mover = (sign, word, way) => make('button', {
          type: 'button', 'aria-label': `${word}: ${text}`,
          click: ({ target }) => this.move(line, way, target),
        }, sign);
        const content = make('span', {}, ...line.childNodes);
        line.append(mover('↑', 'up', -1), mover('↓', 'down', 1), content);
      });
      this.ask();
    }

    move(line, way, button) {
      const other = way < 0 ? line.previousElementSibling : line.nextElementSibling;
      if (other) {
        other[way < 0 ? 'before' : 'after'](line);
        button.focus();
      }
      const place = [...this.list.children].indexOf(line) + 1;
      this.verdict.textContent = `Now line ${place} of ${this.list.children.length}.`;
    }

    check() {
      const places = [...this.list.children].map(line => +line.dataset.place);
      const wrong = places.findIndex((place, n) => place !== n);
      this.judge(wrong < 0, wrong === 0
        ? 'Another line is the first.'
        : `Right as far as line ${wrong}. What comes after it?`);
    }
  }

  class Prints extends Item {
    build() {
      this.right = this.fold.querySelector('pre').textContent.trim();
      const rows = this.right.split('\n').length;
      this.input = make('textarea', {
        rows, 'aria-labelledby': this.question.id, spellcheck: 'false',
      });
      this.ask(this.input);
    }

    check() {
      const lines = text => text.trim().split('\n').map(it => it.trim());
      const [guess, right] = [lines(this.input.value), lines(this.right)];
      const wrong = right.findIndex((line, n) => line !== guess[n]);
      const isRight = wrong < 0 && guess.length === right.length;
      this.judge(isRight, wrong < 0
        ? `It prints ${right.length} lines.`
        : `Line ${wrong + 1} is another.`);
    }
  }

  class Count extends Item {
    build() {
      this.input = make('input', {
        type: 'text', inputmode: 'numeric', size: 6, 'aria-labelledby': this.question.id,
      });
      this.ask(this.input, ' ');
    }

    check() {
      const text = this.input.value.trim();
      const [guess, right] = [+text, +this.fold.dataset.right];
      if (!text || Number.isNaN(guess)) {
        this.verdict.textContent = 'Write a number first.';
        return;
      }
      this.judge(guess === right, guess < right ? 'More.' : 'Fewer.');
    }
  }

  const forms = { choice: Choice, order: Order, prints: Prints, count: Count };
  document.querySelectorAll('.quiz-item').forEach((element, number) => (
    new forms[element.dataset.form](element, number)
  ));
})();
