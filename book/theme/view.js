// One recording on the page: what happened, the picture, what the loop has, the source. The
// table that stands there is the whole story in words; this points at its rows.
'use strict';

// A time in microseconds.
lineage.when = at => (at === Infinity ? 'never' : `${+(at / 1000).toFixed(3)} ms`);

const { account, when } = lineage;

const LISTS = ['Running', 'Ready, next first', 'Timers, by due', 'Sockets', 'Parked', 'Printed', 'So far'];

const deep = depth => (depth > 1 ? `, ${depth} calls deep` : '');
const holds = ({ notes = {} }) => Object.entries(notes).map(([name, value]) => `, ${name} = ${value}`).join('');

lineage.View = class {
  constructor(figure) {
    this.figure = figure;
    const told = root => JSON.parse(root.querySelector('.trace-data').textContent);
    this.trace = told(figure);
    // The second of a pair is not sent again what the first names, too.
    const first = told(figure.closest('.trace-pair') || figure);
    this.trace.files.forEach((file, n) => {
      const text = first.sources[first.files.indexOf(file)];
      this.trace.sources[n] ||= text;
    });
    this.events = this.trace.events;
    this.states = lineage.states(this.events);
    this.parallel = this.trace.subjects.some(({ kind }) => kind === 'thread');
    this.rows = [...figure.querySelectorAll('tbody tr')];
    this.files = new Map();
    this.names = new Map();
    const short = new Map();
    this.trace.subjects.forEach(({ id, kind, called, name }) => {
      const known = called || name;
      this.names.set(id, `${kind} ${id}${known ? ` (${known})` : ''}`);
      short.set(id, called || `${name || kind} ${id}`);
    });
    this.short = short;
    this.picture = new lineage.Picture(this, short);
    const sets = this.events.filter(({ due }) => due !== undefined);
    this.longest = Math.max(1, ...sets.map(({ at, due }) => due - at));
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
    this.lists = LISTS.map(name => make('dd', { class: name.toLowerCase().split(/\W/)[0] }));
    const list = make('dl', { class: 'trace-lists' });
    LISTS.forEach((name, n) => list.append(make('dt', {}, name), this.lists[n]));
    const panels = make('div', { class: 'trace-panels' }, list);
    if (Object.keys(this.trace.sources || {}).length) {
      this.code = make('pre', { tabindex: 0, role: 'region', 'aria-label': 'Source' });
      this.path = make('p');
      panels.append(make('div', { class: 'trace-source' }, this.path, this.code));
    }
    const table = this.figure.querySelector('table');
    this.table = make('div', {
      class: 'trace-table', role: 'region', tabindex: 0, 'aria-label': 'All steps',
    });
    table.replaceWith(this.table);
    this.table.append(table);
    const more = make('details', { class: 'trace-more' }, make('summary', {}, 'The loop and the source'), panels);
    more.open = !this.figure.closest('.trace-pair') || innerWidth > 700;
    this.table.before(this.now, this.picture.box, this.picture.legend, more);
    this.picture.draw();
  }

  show(step) {
    const state = this.states[step];
    this.now.textContent = `${this.title(step, state)}: ${this.words(step)}`;
    this.picture.show(step);
    this.list(state, step);
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

  // -- what the loop has

  list(state, step) {
    const of = id => state.subjects[id] || {};
    const running = state.running.map((id, n) => (
      (n && !this.parallel ? 'runs ' : '') + this.names.get(id) + deep(of(id).depth) + holds(of(id))
    ));
    const parked = this.waiting(state).map((id) => {
      const { place } = of(id);
      const line = place ? `, line ${place.line}` : '';
      return this.names.get(id) + this.waitsOn(of(id)) + line + holds(of(id));
    });
    const printed = state.printed.map(({ at, text }) => `${when(at)}: ${text}`).reverse();
    [
      running, state.ready.map(id => this.short.get(id)), this.timers(state),
      this.sockets(state), parked, printed, this.soFar(step),
    ].forEach((items, n) => {
      const [item] = items;
      const all = items.map(it => (it.nodeType ? it : make('li', {}, it)));
      this.lists[n].replaceChildren(item ? make('ol', {}, ...all) : n ? '–' : 'nobody');
    });
  }

  // A bar is how long there is to go, of the longest that a timer was set for.
  timers({ timers, at }) {
    return timers.map(({ due, subject }) => {
      const item = make('li', {}, `${when(due)}: ${this.short.get(subject) || 'the loop'}`);
      item.style.setProperty('--long', Math.min(1, (due - at) / this.longest));
      return item;
    });
  }

  sockets({ sockets }) {
    const all = [...sockets].sort((one, other) => one.id - other.id);
    return all.map(({ id, direction, subject, isReady }) => {
      const who = this.short.get(subject) || (isReady ? 'nobody waits' : 'the loop');
      return make('li', { class: isReady ? 'is-ready' : '' },
        `${isReady ? '●' : '‖'} ${id}, to ${direction}: ${who}`);
    });
  }

  // What each has done until now. Those that the program calls the same are one.
  soFar(step) {
    const all = new Map();
    Object.entries(account(this.events, this.states, step)).forEach(([id, sums]) => {
      const name = this.short.get(+id);
      const before = all.get(name) || [0, 0, 0, 0];
      const sum = [sums.runs, sums.running, sums.ready, sums.waiting];
      all.set(name, before.map((it, n) => it + sum[n]));
    });
    return [...all].filter(([name]) => name).map(([name, [runs, busy, ready, waited]]) => {
      const times = runs === 1 ? 'once' : `${runs} times`;
      return `${name}: ran ${times}, busy ${when(busy)}, ready ${when(ready)}, waited ${when(waited)}`;
    });
  }

  waiting({ subjects }) {
    return [...this.names.keys()].filter(id => subjects[id]?.is === 'waiting');
  }

  // Why it is this one's turn, or is not.
  why(state, id, next) {
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
};
