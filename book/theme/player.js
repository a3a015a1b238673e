// Brings recordings to life: a figure.trace, or two of them in a div.trace-pair. Here are the
// controls; `view.js` shows a step, `picture.js` draws.
'use strict';

const PACE = 700; // milliseconds from step to step
const HINT = 'Keys: Space plays, ← → or k j step, Home and End jump; w next wake, '
  + 'n next turn, r when the same runs again, + and − zoom.';
const REAL = ' Real clocks cannot be compared: both begin and end together.';
const VIRTUAL = ' What happened at the same time is side by side. ≠ is a lane that differs '
  + 'from its namesake.';

const figuresOf = root => (root.matches('.trace') ? [root] : [...root.querySelectorAll('.trace')]);
const isReal = views => views.some(({ trace }) => trace.clock === 'real');

lineage.Player = class {
  constructor(root, views) {
    this.root = root;
    this.views = views;
    this.id = views[0].figure.id;
    this.path = views.length > 1 ? inStep(views) : null;
    this.last = this.path ? this.path.length : views[0].last;
    this.at = 1;
    this.pace = PACE;
    this.build();
    root.addEventListener('keydown', event => this.key(event));
    this.left = new AbortController();
    window.addEventListener('resize', () => this.redraw(), { signal: this.left.signal });
    this.show();
  }

  // Another takes its place.
  leave() {
    clearInterval(this.timer);
    this.left.abort();
  }

  build() {
    const button = (name, click, more) => make(
      'button', { type: 'button', click, ...more }, name,
    );
    const choice = (name, values, change) => make(
      'label', {}, `${name} `,
      make('select', { change: ({ target }) => change(target.value) },
        ...values.map(([value, words]) => make('option', { value }, words))),
    );
    this.play = button('▶ Play', () => this.toggle());
    this.range = make('input', {
      type: 'range', min: 1, max: this.last, value: 1, 'aria-label': 'Step',
      input: () => this.go(+this.range.value),
    });
    this.link = make('a', { click: () => this.say(`The address leads to step ${this.at}.`) },
      'Link to this step');
    this.guess = button('Who runs next?', () => this.setGuess(), { 'aria-pressed': 'false' });
    this.axis = choice('Axis', [['', 'steps'], ['clock', 'the clock']], value => this.setAxis(value));
    const speeds = [[1, '1×'], [0.5, '½×'], [2, '2×'], [4, '4×']];
    this.said = make('p', { class: 'trace-said', role: 'status' });
    this.asks = make('div', { class: 'trace-ask' });
    const controls = make(
      'div', { class: 'trace-controls', role: 'group', 'aria-label': 'Player' },
      button('◀ Back', () => this.go(this.at - 1)), this.play,
      button('Step ▶', () => this.step()), this.range,
    );
    const tools = make(
      'div', { class: 'trace-tools', role: 'group', 'aria-label': 'More' },
      button('Next wake', () => this.nextWake()), button('Next turn', () => this.nextTurn()),
      button('Runs again', () => this.nextOfTheSame()), this.guess,
      choice('Speed', speeds, value => this.setPace(PACE / value)),
      this.axis, button('−', () => this.zoom(-1), { 'aria-label': 'Zoom out' }),
      button('+', () => this.zoom(1), { 'aria-label': 'Zoom in' }), this.link,
    );
    const hint = make('p', { class: 'trace-hint' }, HINT);
    if (this.path) {
      hint.append(isReal(this.views) ? REAL : VIRTUAL);
    }
    const all = [controls, tools, this.asks, hint, this.said];
    const [{ figure }] = this.views;
    if (this.root === figure) {
      figure.querySelector('figcaption').after(...all);
    } else {
      this.root.prepend(...all);
    }
    this.views.forEach((view, n) => this.clicks(view, n));
  }

  // The rows and the picture lead to their steps.
  clicks(view, n) {
    const to = (step) => {
      const at = this.path ? this.path.findIndex(it => it[n] >= step) + 1 : step;
      this.go(at);
    };
    view.rows.forEach((row, at) => row.addEventListener('click', () => to(at + 1)));
    const { picture } = view;
    picture.box.lastChild.addEventListener('click', it => to(picture.stepAt(it.clientX)));
  }

  key(event) {
    const { key, target } = event;
    if (event.altKey || event.ctrlKey || event.metaKey || target.matches('select')) {
      return;
    }
    const acts = {
      ArrowRight: () => this.step(),
      j: () => this.step(),
      ArrowLeft: () => this.go(this.at - 1),
      k: () => this.go(this.at - 1),
      Home: () => this.go(1),
      End: () => this.go(this.last),
      w: () => this.nextWake(),
      n: () => this.nextTurn(),
      r: () => this.nextOfTheSame(),
      '+': () => this.zoom(1),
      '-': () => this.zoom(-1),
      ' ': () => this.toggle(),
    };
    const presses = key === ' ' && target.closest('button, a, summary');
    if (acts[key] && !presses) {
      event.preventDefault();
      event.stopPropagation(); // mdBook would turn the page
      acts[key]();
    }
  }

  // -- where it is

  // At which step a recording is, when the player is at `at`.
  stepOf(n, at = this.at) {
    return this.path ? (this.path[at - 1] || this.views.map(() => 0))[n] : at;
  }

  go(step, say = true) {
    this.at = Math.max(1, Math.min(this.last, step));
    this.answered();
    this.show();
    if (say && !this.timer) {
      this.say(this.words());
    }
    const { what } = this.views[0].events[this.stepOf(0) - 1] || {};
    document.dispatchEvent(new CustomEvent('lineage:step', { detail: what }));
  }

  // Forward by one; where a guess is due, that first.
  step() {
    if (this.asking ? this.guessed && !this.ask() : !this.guessing || !this.ask()) {
      this.go(this.at + 1);
    }
  }

  // Forward to where something happens in one of the recordings.
  seek(isIt) {
    for (let at = this.at + 1; at <= this.last; at += 1) {
      const happens = this.views.some((view, n) => (
        view.events.slice(this.stepOf(n, at - 1), this.stepOf(n, at)).some(it => isIt(it, view, n))
      ));
      if (happens) {
        this.go(at);
        return;
      }
    }
    this.say('There is none any more.');
  }

  nextWake() {
    this.seek(({ what }) => what === 'woken');
  }

  nextTurn() {
    this.seek(({ what }) => what === 'turn-began');
  }

  // Whoever the last event was about, or who has its lane by then.
  nextOfTheSame() {
    const lanes = this.views.map((view, n) => {
      const events = view.events.slice(0, this.stepOf(n));
      const last = events.reverse().find(({ subject }) => subject);
      return last && view.picture.lane.get(last.subject);
    });
    this.seek(({ what, subject }, view, n) => (
      what === 'resumed' && view.picture.lane.get(subject) === lanes[n]
    ));
  }

  show() {
    this.views.forEach((view, n) => view.show(this.stepOf(n)));
    if (this.path) {
      const [one, other] = this.views.map(({ picture }) => picture);
      one.compare(other);
      other.compare(one);
    }
    this.range.value = this.at;
    this.range.setAttribute('aria-valuetext', `${this.at} of ${this.last}`);
    this.link.href = `#${this.id}:step=${this.at}`;
  }

  words() {
    return this.views.map(view => view.now.textContent).join(' – ');
  }

  say(words) {
    this.said.textContent = words;
  }

  // -- how it is drawn

  redraw() {
    this.views.forEach(({ picture }) => picture.draw());
    this.show();
  }

  setAxis(value) {
    this.views.forEach(({ picture }) => picture.setAxis(value === 'clock'));
    this.show();
  }

  zoom(by) {
    this.views.forEach(({ picture }) => picture.zoomBy(by));
    this.show();
  }

  // -- playing

  // Plays to the end, a step at a time; nothing moves in between.
  toggle() {
    if (this.timer) {
      this.pause();
      return;
    }
    if (this.at === this.last) {
      this.go(1, false);
    }
    this.say('Playing.');
    this.play.textContent = '❚❚ Pause';
    this.timer = setInterval(() => this.tick(), this.pace);
  }

  tick() {
    this.step();
    if (this.at === this.last || this.asking) {
      this.pause();
    }
  }

  setPace(pace) {
    this.pace = pace;
    if (this.timer) {
      clearInterval(this.timer);
      this.timer = setInterval(() => this.tick(), pace);
    }
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = '▶ Play';
    if (!this.asking) {
      this.say(this.words());
    }
  }

  // -- who runs next?

  // By the clock, what comes next may have happened already: then the axis is steps.
  setGuess() {
    this.guessing = !this.guessing;
    this.guess.setAttribute('aria-pressed', this.guessing);
    this.root.classList.toggle('guessing', this.guessing);
    const axis = this.axis.querySelector('select');
    axis.value = '';
    axis.disabled = this.guessing;
    this.answered();
    this.setAxis('');
    this.say(this.guessing
      ? 'What comes next is hidden: step or play, and you are asked.'
      : 'What comes next is shown.');
  }

  // Asks, if the next step is somebody's whom a loop takes off its ready queue; of two
  // loops, one after the other.
  ask() {
    const from = this.asking ? this.asking.view + 1 : 0;
    return this.views.some((view, n) => n >= from && this.askOf(view, n));
  }

  askOf(view, n) {
    const [now, next] = [this.stepOf(n), this.stepOf(n, this.at + 1)];
    const event = view.events[now];
    const state = view.states[now];
    if (next === now || !event || event.what !== 'resumed' || !state.ready.includes(event.subject)) {
      return false;
    }
    const waiting = view.waiting(state).slice(0, Math.max(0, 4 - state.ready.length));
    const choices = [...state.ready, ...waiting].sort((one, other) => one - other);
    if (choices.length === 1) {
      return false;
    }
    const question = `Who runs next${this.path ? ` in ${view.trace.style}` : ''}?`;
    const verdict = make('p', { role: 'status' });
    this.asking = { view: n, next: event.subject, verdict };
    this.guessed = false;
    const buttons = choices.map(id => make('button', {
      type: 'button', click: ({ target }) => this.answer(target, id),
    }, view.names.get(id)));
    this.asks.replaceChildren(
      make('p', {}, question),
      make('div', { role: 'group', 'aria-label': question }, ...buttons),
      verdict,
    );
    this.root.classList.add('asking');
    buttons[0].focus({ preventScroll: true });
    return true;
  }

  answer(button, id) {
    const { view: n, next, verdict } = this.asking;
    const view = this.views[n];
    const isRight = id === next;
    button.prepend(button.dataset.said ? '' : isRight ? '✓ ' : '✗ ');
    button.dataset.said = isRight;
    verdict.textContent = view.why(view.states[this.stepOf(n)], id, next);
    if (isRight && !this.guessed) {
      this.guessed = true;
      const on = make('button', { type: 'button', click: () => this.step() }, 'Go on ▶');
      this.asks.append(on);
      this.root.classList.remove('asking');
      on.focus({ preventScroll: true });
    }
  }

  answered() {
    if (this.asks.contains(document.activeElement)) {
      this.range.focus({ preventScroll: true });
    }
    this.asking = null;
    this.asks.replaceChildren();
    this.root.classList.remove('asking');
  }
};

// Two recordings in step: by the clock, if it is not a real one.
function inStep(views) {
  const steps = [];
  if (isReal(views)) {
    const longest = Math.max(...views.map(view => view.last));
    for (let n = 1; n <= longest; n += 1) {
      steps.push(views.map(view => Math.ceil(n * view.last / longest)));
    }
    return steps;
  }
  const done = views.map(() => 0);
  while (views.some((view, n) => done[n] < view.last)) {
    const next = views.map((view, n) => (view.events[done[n]] || { at: Infinity }).at);
    const at = Math.min(...next);
    views.forEach((view, n) => { done[n] += next[n] === at ? 1 : 0; });
    steps.push([...done]);
  }
  return steps;
}

// -- on the page

(() => {
  const players = new Map();

  // Brings the figures in an element to life: a pair of them in step.
  function enliven(root) {
    new Set(figuresOf(root).map(it => it.closest('.trace-pair') || it)).forEach((it) => {
      const figures = figuresOf(it);
      const player = new lineage.Player(it, figures.map(figure => new lineage.View(figure)));
      figures.forEach(figure => players.set(figure.id, player));
    });
  }

  // Puts another element in the place of one, in which something may play.
  lineage.renew = (root, fresh) => {
    figuresOf(root).forEach(({ id }) => {
      players.get(id).leave();
      players.delete(id);
    });
    root.replaceWith(fresh);
    enliven(fresh);
    return fresh;
  };

  enliven(document.body);

  // #trace-countdown-callbacks:step=12
  function restore(event) {
    const [, id, step] = /^#(.+):step=(\d+)$/.exec(location.hash) || [];
    const player = players.get(id);
    if (player && !(event && player.at === +step)) {
      player.go(+step);
      player.root.scrollIntoView();
      player.range.focus({ preventScroll: true });
    }
  }
  window.addEventListener('hashchange', restore);
  restore();
})();
