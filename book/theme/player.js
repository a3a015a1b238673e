// Brings recordings to life: <figure class="trace">, or two of them in a
// <div class="trace-pair">. The table that stands there is the whole story in words; the
// player points at its rows, and draws what they say.
'use strict';

(() => {
  const { make, states } = lineage;

  const STEP = 12; // pixels of a step in the picture
  const LANE = 20; // and of a lane
  const CROWD = 16; // so many have a lane each
  const ENDS = ['finished', 'cancelled', 'panicked'];

  const SIGNS = {
    new: '·', ready: '○', running: '▶', calling: '▷', waiting: '‖',
    finished: '■', cancelled: '✕', panicked: '✕',
  };
  const LEGEND = '▶ runs · ▷ runs another · ○ ready · ‖ waits · ■ has finished · '
    + '✕ was cancelled or panicked. Arrows: who woke whom. Loop: its turns.';
  const HINT = 'Keys: Space plays, ← → or k j step, Home and End jump.';
  const REAL = ' Real clocks cannot be compared: both begin and end together.';
  const VIRTUAL = ' What happened at the same time is side by side.';

  const isReal = views => views.some(({ trace }) => trace.clock === 'real');
  const deep = depth => (depth > 1 ? `, ${depth} calls deep` : '');
  const when = at => (at === Infinity ? 'never' : `${+(at / 1000).toFixed(3)} ms`);

  // -- one recording

  class View {
    constructor(figure) {
      this.figure = figure;
      this.trace = JSON.parse(figure.querySelector('.trace-data').textContent);
      this.events = this.trace.events;
      this.states = states(this.events);
      this.parallel = this.trace.subjects.some(({ kind }) => kind === 'thread');
      this.rows = [...figure.querySelectorAll('tbody tr')];
      this.files = new Map();
      this.names = new Map(this.trace.subjects.map(
        ({ id, name, kind }) => [id, `${kind} ${id}${name ? ` (${name})` : ''}`],
      ));
      this.build();
    }

    get last() {
      return this.events.length;
    }

    // What happened in that step: the words of the table, so that both say the same.
    words(step) {
      const [, , what, where] = step ? this.rows[step - 1].cells : [];
      const place = step && where.textContent;
      return step ? what.textContent + (place && ` (${place})`) : 'nothing yet';
    }

    thing({ kind, id, direction }) {
      return {
        subject: this.names.get(id),
        timer: `timer ${id}`,
        socket: `socket ${id}, to ${direction}`,
        foreign: 'somebody outside',
      }[kind] || 'the loop';
    }

    waitsOn({ on, depth }) {
      return ` waits${on ? ` for ${this.thing(on)}` : ''}${deep(depth)}`;
    }

    build() {
      this.now = make('p', { class: 'trace-now' });
      this.lists = ['Running', 'Ready, next first', 'Timers, by due', 'Parked']
        .map(name => [name, make('dd')]);
      const list = make('dl', { class: 'trace-lists' });
      this.lists.forEach(([name, dd]) => list.append(make('dt', {}, name), dd));
      const panels = make('div', { class: 'trace-panels' }, list);
      if (Object.keys(this.trace.sources || {}).length) {
        this.code = make('pre', { tabindex: 0, role: 'region', 'aria-label': 'Source' });
        this.path = make('p');
        panels.append(make('div', { class: 'trace-source' }, this.path, this.code));
      }
      const table = this.figure.querySelector('table');
      const wrapper = make('div', {
        class: 'trace-table', role: 'region', tabindex: 0, 'aria-label': 'All steps',
      });
      table.replaceWith(wrapper);
      wrapper.append(table);
      this.table = wrapper;
      wrapper.before(this.now, this.picture(), panels);
    }

    // -- the picture

    picture() {
      this.lanes = this.share();
      this.labels = this.lanes.map(() => make('li'));
      this.box = make(
        'div', { class: 'trace-picture', 'aria-hidden': 'true', tabindex: -1 },
        make('ul', {}, make('li', {}, 'time'), ...this.labels), make('div', {}),
      );
      const width = (this.last + 2) * STEP;
      const height = (this.lanes.length + 1) * LANE;
      const paths = Object.entries(this.draw())
        .map(([name, d]) => `<path class="${name}" d="${d}"/>`).join('');
      this.box.lastChild.innerHTML = `<svg width="${width}" height="${height}">`
        + `<rect class="here" width="${STEP}" height="${height}"/>${paths}`
        + `<rect class="veil" width="${width}" height="${height}"/>${this.times()}</svg>`;
      this.here = this.box.querySelector('.here');
      this.veil = this.box.querySelector('.veil');
      return make(
        'div', {}, this.box,
        make('p', { class: 'trace-legend', 'aria-hidden': 'true' }, LEGEND),
      );
    }

    // Who has which lane: each its own, but in a crowd that of somebody who is no more.
    share() {
      const lanes = [[0]];
      const ended = new Map();
      this.lane = new Map([[0, 0]]);
      this.events.forEach(({ what, subject: id }, n) => {
        if (what === 'created') {
          const free = lanes.findIndex(([last]) => ended.get(last) < n - 1);
          const lane = free < 0 || this.names.size <= CROWD ? lanes.push([]) - 1 : free;
          lanes[lane].unshift(id);
          this.lane.set(id, lane);
        } else if (ENDS.includes(what)) {
          ended.set(id, n);
        }
      });
      return lanes;
    }

    middle(id) {
      return (this.lane.get(id) + 1.5) * LANE;
    }

    // The lanes as one path for each kind of stroke.
    draw() {
      const paths = {
        waiting: '', ready: '', calling: '', running: '', turn: '',
        fork: '', wake: '', head: '', born: '', ended: '', broken: '',
      };
      const high = { ready: 7, calling: 11, running: 11, turn: 13 };
      this.lanes.flat().forEach(id => this.stretches(id, (is, from, to) => {
        const [x, y, width] = [from * STEP, this.middle(id), (to - from) * STEP];
        if (is === 'waiting' || is === 'new') {
          paths.waiting += `M${x} ${y}h${width}`;
        } else if (high[is]) {
          paths[is] += `M${x} ${y - high[is] / 2}h${width}v${high[is]}h${-width}z`;
        }
      }));
      this.events.forEach((event, n) => this.mark(event, (n + 1) * STEP, paths));
      return paths;
    }

    // How somebody is at a step, for the picture: who runs another is `calling`. Threads run
    // beside each other.
    is(id, state) {
      if (id === 0) {
        return state.serving ? 'turn' : '';
      }
      const { is = '' } = state.subjects[id] || {};
      const top = state.running[state.running.length - 1];
      return is === 'running' && top !== id && !this.parallel ? 'calling' : is;
    }

    stretches(id, each) {
      let from = 0;
      for (let step = 1; step <= this.last + 1; step += 1) {
        const is = this.is(id, this.states[from]);
        if (step > this.last || this.is(id, this.states[step]) !== is) {
          each(is, from, step);
          from = step;
        }
      }
    }

    mark({ what, subject, by }, x, paths) {
      const y = this.middle(subject);
      const source = this.middle(by && by.kind === 'subject' ? by.id : 0);
      const down = source < y ? 1 : -1;
      const marks = {
        created: () => {
          paths.fork += `M${x} ${source}V${y}`;
          paths.born += `M${x - 3} ${y}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0`;
        },
        woken: () => {
          paths.wake += `M${x} ${source}V${y - 7 * down}`;
          paths.head += `M${x} ${y - 3 * down}l-4 ${-6 * down}h8z`;
        },
        finished: () => { paths.ended += `M${x - 3} ${y - 4}h8v8h-8z`; },
        cancelled: () => { paths.broken += `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`; },
      };
      marks.panicked = marks.cancelled;
      if (marks[what]) {
        marks[what]();
      }
    }

    // The times at which something begins, as many as there is room for; the turns.
    times() {
      let texts = '';
      let free = { at: 0, turn: 0 };
      const text = (kind, step, y, words) => {
        if (step * STEP >= free[kind]) {
          texts += `<text x="${step * STEP + 1}" y="${y}">${words}</text>`;
          free = { ...free, [kind]: step * STEP + words.length * 7 + 10 };
        }
      };
      this.events.forEach((event, n) => {
        if (n === 0 || event.at !== this.events[n - 1].at) {
          text('at', n + 1, 14, when(event.at));
        }
        if (event.turn) {
          text('turn', n + 1, 34, `${event.turn}`);
        }
      });
      return texts;
    }

    // -- one step

    show(step) {
      const state = this.states[step];
      this.now.textContent = `${this.title(step, state)}: ${this.words(step)}`;
      this.point(step, state);
      this.list(state);
      this.follow(state);
      this.rows.forEach((row, n) => {
        const isNow = n + 1 === step;
        row.classList.toggle('now', isNow);
        row.setAttribute('aria-current', isNow ? 'step' : 'false');
      });
      const row = this.rows[step - 1];
      this.table.scrollTop = row ? row.offsetTop - this.table.clientHeight / 2 : 0;
    }

    title(step, state) {
      const turn = state.serving ? `turn ${state.turn}` : 'between turns';
      return `Step ${step} of ${this.last}, ${when(state.at)}, ${turn}`;
    }

    point(step, state) {
      const { box } = this;
      const x = step * STEP;
      this.here.setAttribute('x', x);
      this.veil.setAttribute('x', x + STEP);
      this.labels.forEach((label, n) => {
        const owners = this.lanes[n];
        const id = owners.find(it => it in state.subjects) || owners[owners.length - 1];
        label.textContent = this.names.get(id) || 'loop';
        label.dataset.sign = SIGNS[this.is(id, state)] || '';
      });
      const event = this.events[step - 1] || {};
      const shown = box.clientWidth - box.firstChild.offsetWidth;
      box.scrollLeft = x - shown * 0.7;
      const y = this.middle(event.subject || 0) - LANE;
      if (y < box.scrollTop + LANE || y > box.scrollTop + box.clientHeight - 2 * LANE) {
        box.scrollTop = y - box.clientHeight / 2;
      }
    }

    list(state) {
      const name = id => this.names.get(id);
      const running = state.running.map((id, n) => (
        (n && !this.parallel ? 'runs ' : '') + name(id) + deep(state.subjects[id].depth)
      ));
      const parked = this.waiting(state).map((id) => {
        const { place } = state.subjects[id];
        const line = place ? `, line ${place.line}` : '';
        return name(id) + this.waitsOn(state.subjects[id]) + line;
      });
      const timers = state.timers.map(it => `${when(it.due)}: ${name(it.subject)}`);
      [running, state.ready.map(name), timers, parked].forEach((words, n) => {
        const [, dd] = this.lists[n];
        dd.replaceChildren(words.length
          ? make('ol', {}, ...words.map(it => make('li', {}, it)))
          : n ? '–' : 'nobody');
      });
    }

    waiting({ subjects }) {
      return [...this.names.keys()].filter(id => (subjects[id] || {}).is === 'waiting');
    }

    // -- the source

    follow({ place, subjects }) {
      if (!this.code) {
        return;
      }
      if (place && this.trace.sources[place.file]) {
        this.place = place;
      }
      const { file, line } = this.place || { file: Object.keys(this.trace.sources)[0] };
      const lines = this.lines(file);
      if (this.code.firstChild !== lines[0].parentNode) {
        this.code.replaceChildren(lines[0].parentNode);
      }
      this.path.textContent = this.trace.files[file] + (line ? `:${line}` : '');
      const here = new Map();
      Object.entries(subjects).forEach(([id, it]) => {
        if (it.place && it.place.file === +file && it.is === 'waiting') {
          const others = here.get(it.place.line) || '';
          here.set(it.place.line, `${others} #${id}`);
        }
      });
      lines.forEach((element, n) => {
        element.classList.toggle('now', n + 1 === line);
        const who = here.get(n + 1);
        element.lastChild.textContent = who ? `‖${who}` : '';
      });
      if (line) {
        const { offsetTop } = lines[line - 1];
        this.code.scrollTop = offsetTop - this.code.clientHeight / 2;
      }
    }

    // The lines of a file; mdBook's highlighter goes on from line to line.
    lines(file) {
      if (!this.files.has(file)) {
        let top;
        const lines = this.trace.sources[file].map((text, n) => {
          const code = make('span', {}, text);
          if (window.hljs && hljs.getLanguage('rust')) {
            const result = hljs.highlight('rust', text, true, top);
            top = result.top;
            code.innerHTML = result.value;
          }
          return make('span', { class: 'line', 'data-n': n + 1 }, code, make('b'));
        });
        make('code', { class: 'hljs' }, ...lines);
        this.files.set(file, lines);
      }
      return this.files.get(file);
    }
  }

  // -- the controls

  class Player {
    constructor(root, views) {
      this.root = root;
      this.views = views;
      this.id = views[0].figure.id;
      this.path = views.length > 1 ? inStep(views) : null;
      this.last = this.path ? this.path.length : views[0].last;
      this.at = 1;
      this.build();
      root.addEventListener('keydown', event => this.key(event));
      this.left = new AbortController();
      window.addEventListener('resize', () => this.show(), { signal: this.left.signal });
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
      this.play = button('▶ Play', () => this.toggle());
      this.range = make('input', {
        type: 'range', min: 1, max: this.last, value: 1, 'aria-label': 'Step',
        input: () => this.go(+this.range.value),
      });
      this.link = make('a', { click: () => this.say(`The address leads to step ${this.at}.`) },
        'Link to this step');
      this.said = make('p', { class: 'trace-said', role: 'status' });
      this.asks = make('div', { class: 'trace-ask' });
      const controls = make(
        'div', { class: 'trace-controls', role: 'group', 'aria-label': 'Player' },
        button('◀ Back', () => this.go(this.at - 1)), this.play,
        button('Step ▶', () => this.step()), this.range,
      );
      if (this.views.length === 1) {
        this.guess = button('Who runs next?', () => this.setGuess(), {
          'aria-pressed': 'false',
        });
        controls.append(this.guess);
      }
      controls.append(this.link);
      const hint = make('p', { class: 'trace-hint' }, HINT);
      if (this.path) {
        hint.append(isReal(this.views) ? REAL : VIRTUAL);
      }
      const [{ figure }] = this.views;
      if (this.root === figure) {
        figure.querySelector('figcaption').after(controls, this.asks, hint, this.said);
      } else {
        this.root.prepend(controls, this.asks, hint, this.said);
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
      const picture = view.box.lastChild;
      picture.addEventListener('click', (event) => {
        const x = event.clientX - picture.getBoundingClientRect().left;
        to(Math.max(1, Math.min(view.last, Math.floor(x / STEP))));
      });
    }

    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) {
        return;
      }
      const acts = {
        ArrowRight: () => this.step(),
        j: () => this.step(),
        ArrowLeft: () => this.go(this.at - 1),
        k: () => this.go(this.at - 1),
        Home: () => this.go(1),
        End: () => this.go(this.last),
        ' ': () => this.toggle(),
      };
      const presses = event.key === ' ' && event.target.closest('button, a');
      if (acts[event.key] && !presses) {
        event.preventDefault();
        event.stopPropagation(); // mdBook would turn the page
        acts[event.key]();
      }
    }

    go(step, say = true) {
      this.at = Math.max(1, Math.min(this.last, step));
      this.answered();
      this.show();
      if (say && !this.timer) {
        this.say(this.words());
      }
      const [view] = this.views;
      const { what } = view.events[(this.path ? this.path[this.at - 1][0] : this.at) - 1] || {};
      document.dispatchEvent(new CustomEvent('lineage:step', { detail: what }));
    }

    // Forward by one; where a guess is due, that first.
    step() {
      if (this.asking ? this.guessed : !this.guessing || !this.ask()) {
        this.go(this.at + 1);
      }
    }

    show() {
      const steps = this.path ? this.path[this.at - 1] : [this.at];
      this.views.forEach((view, n) => view.show(steps[n]));
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

    // Plays to the end, a step at a time; nothing moves in between.
    toggle() {
      if (this.timer) {
        this.pause();
        return;
      }
      if (this.at === this.last) {
        this.go(1, false);
      }
      const tick = () => {
        this.step();
        if (this.at === this.last || this.asking) {
          this.pause();
        }
      };
      this.say('Playing.');
      this.play.textContent = '❚❚ Pause';
      this.timer = setInterval(tick, 700);
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

    setGuess() {
      this.guessing = !this.guessing;
      this.guess.setAttribute('aria-pressed', this.guessing);
      this.root.classList.toggle('guessing', this.guessing);
      this.answered();
      this.say(this.guessing
        ? 'What comes next is hidden: step or play, and you are asked.'
        : 'What comes next is shown.');
    }

    // Asks, if the next step is somebody's whom the loop takes off its ready queue.
    ask() {
      const [view] = this.views;
      const event = view.events[this.at];
      const state = view.states[this.at];
      if (!event || event.what !== 'resumed' || !state.ready.includes(event.subject)) {
        return false;
      }
      const waiting = view.waiting(state).slice(0, Math.max(0, 4 - state.ready.length));
      const choices = [...state.ready, ...waiting].sort((one, other) => one - other);
      if (choices.length === 1) {
        return false;
      }
      this.asking = make('p', { role: 'status' });
      this.guessed = false;
      const buttons = choices.map(id => make('button', {
        type: 'button', click: ({ target }) => this.answer(target, id),
      }, view.names.get(id)));
      this.asks.replaceChildren(
        make('p', {}, 'Who runs next?'),
        make('div', { role: 'group', 'aria-label': 'Who runs next?' }, ...buttons),
        this.asking,
      );
      this.root.classList.add('asking');
      buttons[0].focus({ preventScroll: true });
      return true;
    }

    answer(button, id) {
      const [view] = this.views;
      const next = view.events[this.at].subject;
      const isRight = id === next;
      button.prepend(button.dataset.said ? '' : isRight ? '✓ ' : '✗ ');
      button.dataset.said = isRight;
      this.asking.textContent = view.why(view.states[this.at], id, next);
      if (isRight && !this.guessed) {
        this.guessed = true;
        const on = make('button', { type: 'button', click: () => this.go(this.at + 1) },
          'Go on ▶');
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
  }

  // Why it is this one's turn, or is not.
  View.prototype.why = function (state, id, next) {
    const name = this.names.get(id);
    const { is, woken } = state.subjects[id];
    if (id === next) {
      const alone = state.ready.length === 1 ? 'nobody else is ready' : 'first in, first out';
      return `Right: ${alone}. ${name} has been ready since step ${woken.step}, woken by ${this.thing(woken.by)}.`;
    }
    if (is === 'waiting') {
      return `No: ${name} cannot go on, it${this.waitsOn(state.subjects[id])}. Try another.`;
    }
    return `Not yet: ${name} is ready, but only since step ${woken.step}. Somebody was woken before it. Try another.`;
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

  const players = new Map();

  // Brings a figure, or a pair of them, to life.
  function enliven(root) {
    const figures = root.matches('.trace') ? [root] : [...root.querySelectorAll('.trace')];
    const player = new Player(root, figures.map(figure => new View(figure)));
    figures.forEach(figure => players.set(figure.id, player));
  }

  // Puts another recording, as HTML of the same kind, in the place of one that plays.
  lineage.renew = (root, html) => {
    const template = make('template');
    template.innerHTML = html;
    const fresh = template.content.firstElementChild;
    players.get((root.matches('.trace') ? root : root.querySelector('.trace')).id).leave();
    root.replaceWith(fresh);
    enliven(fresh);
    return fresh;
  };

  document.querySelectorAll('.trace-pair').forEach(enliven);
  document.querySelectorAll('figure.trace').forEach((figure) => {
    if (!players.has(figure.id)) {
      enliven(figure);
    }
  });

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
