// The picture of a recording: a lane for each who took part, step by step or by the clock.
'use strict';

const STEP = 12; // pixels of a step
const LANE = 20; // and of a lane
const CROWD = 16; // so many have a lane each
const ZOOMS = [0.5, 1, 2, 4, 8];
const ENDS = ['finished', 'cancelled', 'panicked'];
const HIGH = { ready: 7, calling: 11, running: 11, turn: 13 };

const SIGNS = {
  new: '·', ready: '○', running: '▶', calling: '▷', waiting: '‖',
  finished: '■', cancelled: '✕', panicked: '✕',
};
const LEGEND = '▶ runs · ▷ runs another · ○ ready · ‖ waits · ■ has finished · '
  + '✕ was cancelled or panicked. Arrows: who woke whom. Loop: its turns.';

lineage.Picture = class {
  // `names` are short ones, by the subjects' ids.
  constructor({ events, states, trace, parallel }, names) {
    Object.assign(this, { events, states, parallel, names });
    this.last = events.length;
    this.zoom = ZOOMS.indexOf(1);
    this.byClock = false;
    this.prints = events.some(({ what }) => what === 'said');
    this.lanes = this.share(new Map(trace.subjects.map(it => [it.id, it.called])));
    this.build();
  }

  build() {
    this.labels = this.lanes.map(() => make('li'));
    const heads = ['time', ...(this.prints ? ['prints'] : [])].map(it => make('li', {}, it));
    this.top = heads.length;
    this.box = make(
      'div', { class: 'trace-picture', 'aria-hidden': 'true', tabindex: -1 },
      make('ul', {}, ...heads, ...this.labels), make('div', {}),
    );
    this.legend = make('p', { class: 'trace-legend', 'aria-hidden': 'true' }, LEGEND);
  }

  // Who has which lane: each its own, but those that the program calls the same share one,
  // and in a crowd somebody new has that of somebody who is no more.
  share(called) {
    const lanes = [[0]];
    const ended = new Map();
    this.lane = new Map([[0, 0]]);
    this.events.forEach(({ what, subject: id }, n) => {
      if (what === 'created') {
        let lane = lanes.findIndex(([last]) => called.get(id) && called.get(last) === called.get(id));
        if (lane < 0 && this.names.size > CROWD) {
          lane = lanes.findIndex(([last]) => ended.get(last) < n - 1);
        }
        lane = lane < 0 ? lanes.push([]) - 1 : lane;
        lanes[lane].unshift(id);
        this.lane.set(id, lane);
      } else if (ENDS.includes(what)) {
        ended.set(id, n);
      }
    });
    return lanes;
  }

  // -- the axes

  middle(id) {
    return (this.lane.get(id) + this.top + 0.5) * LANE;
  }

  // Where a step begins: one after the other, or when it happened.
  x(step) {
    if (!this.byClock) {
      return step * STEP * ZOOMS[this.zoom];
    }
    const { at } = this.events[Math.max(1, Math.min(step, this.last)) - 1];
    return STEP + (step > this.last ? STEP : 0) + at * this.scale;
  }

  // The last step that has begun at a place of the screen.
  stepAt(clientX) {
    const x = clientX - this.box.lastChild.getBoundingClientRect().left;
    let step = 1;
    while (step < this.last && this.x(step + 1) <= x) {
      step += 1;
    }
    return step;
  }

  setAxis(byClock) {
    this.byClock = byClock;
    this.draw();
  }

  zoomBy(by) {
    this.zoom = Math.max(0, Math.min(ZOOMS.length - 1, this.zoom + by));
    this.draw();
  }

  // -- the drawing

  draw() {
    const room = Math.max(240, this.box.clientWidth - this.box.firstChild.offsetWidth);
    const longest = this.events[this.last - 1].at || 1;
    this.scale = (room - 5 * STEP) / longest * ZOOMS[this.zoom];
    const width = this.x(this.last + 1) + STEP;
    const height = (this.lanes.length + this.top) * LANE;
    const paths = Object.entries(this.paths())
      .map(([name, d]) => `<path class="${name}" d="${d}"/>`).join('');
    const svg = `<svg width="${width}" height="${height}">`
      + `<rect class="here" width="${this.byClock ? 4 : this.x(1)}" height="${height}"/>${paths}`
      + `<rect class="veil" width="${width}" height="${height}"/></svg>`;
    this.box.lastChild.innerHTML = svg;
    this.box.querySelector('svg').append(...this.texts());
    this.here = this.box.querySelector('.here');
    this.veil = this.box.querySelector('.veil');
  }

  // The lanes as one path for each kind of stroke.
  paths() {
    const paths = {
      waiting: '', ready: '', calling: '', running: '', turn: '',
      fork: '', wake: '', head: '', born: '', ended: '', broken: '',
    };
    this.lanes.flat().forEach(id => this.stretches(id, (is, from, to) => {
      const [x, y] = [this.x(from), this.middle(id)];
      // By a clock that stands while somebody runs, that is a stroke.
      const width = Math.max(this.x(to) - x, is === 'ready' ? 0 : 2);
      if (is === 'waiting' || is === 'new') {
        paths.waiting += `M${x} ${y}h${width}`;
      } else if (HIGH[is] && width) {
        paths[is] += `M${x} ${y - HIGH[is] / 2}h${width}v${HIGH[is]}h${-width}z`;
      }
    }));
    this.events.forEach((event, n) => this.mark(event, this.x(n + 1), paths));
    return paths;
  }

  // How somebody is at a step: who runs another is `calling`. Threads run beside each other.
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
    marks[what]?.();
  }

  // The times at which something begins, the turns, and what is printed, as far as there is
  // room.
  texts() {
    const texts = [];
    const free = {};
    const text = (row, step, words) => {
      const x = this.x(step) + 1;
      if (x >= (free[row] || 0)) {
        const it = document.createElementNS('http://www.w3.org/2000/svg', 'text');
        it.setAttribute('x', x);
        it.setAttribute('y', row * LANE + 14);
        it.textContent = words;
        texts.push(it);
        free[row] = x + words.length * 7 + 10;
      }
    };
    this.events.forEach(({ at, turn, what, text: words }, n) => {
      if (n === 0 || at !== this.events[n - 1].at) {
        text(0, n + 1, lineage.when(at));
      }
      if (turn) {
        text(this.top, n + 1, `${turn}`);
      }
      if (what === 'said') {
        text(1, n + 1, words.slice(0, 24));
      }
    });
    return texts;
  }

  // -- one step

  show(step) {
    const [x, state] = [this.x(step), this.states[step]];
    this.here.setAttribute('x', x);
    this.veil.setAttribute('x', x + +this.here.getAttribute('width'));
    this.labels.forEach((label, n) => {
      const id = this.owner(n, state);
      label.textContent = id ? this.names.get(id) : 'loop';
      label.dataset.sign = SIGNS[this.is(id, state)] || '';
    });
    const { box } = this;
    const shown = box.clientWidth - box.firstChild.offsetWidth;
    box.scrollLeft = x - shown * 0.7;
    const y = this.middle(this.events[step - 1]?.subject || 0) - LANE;
    if (y < box.scrollTop + LANE || y > box.scrollTop + box.clientHeight - 2 * LANE) {
      box.scrollTop = y - box.clientHeight / 2;
    }
  }

  // Whose lane it is at the time, or will be.
  owner(lane, state) {
    const owners = this.lanes[lane];
    return owners.find(it => it in state.subjects) || owners[owners.length - 1];
  }

  // Marks the lanes of the same name that are not in the same state in another picture.
  compare(other) {
    const signs = new Map(other.labels.map(it => [it.textContent, it.dataset.sign]));
    this.labels.forEach((label) => {
      const { sign } = label.dataset;
      const differs = signs.has(label.textContent) && signs.get(label.textContent) !== sign;
      label.classList.toggle('differs', differs);
    });
  }
};
