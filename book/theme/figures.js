// Figures of several pictures: a handle goes from one to the next. Without it they stand one
// below the other.
'use strict';

document.querySelectorAll('figure.drawing').forEach((figure) => {
  const frames = [...figure.querySelectorAll('.frame')];
  if (frames.length < 2) {
    return;
  }
  const range = make('input', {
    type: 'range', min: 1, max: frames.length, value: 1, 'aria-label': 'Picture',
    input: () => show(),
  });
  const button = (name, by) => make('button', { type: 'button', click: () => step(by) }, name);

  function show(at = range.value) {
    range.value = at;
    frames.forEach((frame, n) => frame.classList.toggle('off', n + 1 !== +range.value));
    range.setAttribute('aria-valuetext', `${range.value} of ${frames.length}`);
  }

  const step = by => show(+range.value + by);

  // A link of a chain leads to its picture.
  figure.addEventListener('click', ({ target }) => {
    const link = target.closest('[data-frame]');
    if (link) {
      show(link.dataset.frame);
    }
  });

  // Boxes are dragged to where they stand in the next picture, or back. What points from them
  // goes on pointing to where it did.
  const boxes = figure.querySelectorAll('[data-drag]');
  const lines = figure.querySelectorAll('line');
  let by = 0;
  function put(to) {
    boxes.forEach((it) => { it.style.translate = `0 ${to}px`; });
    lines.forEach((it) => { it.y1.baseVal.value += to - by; });
    by = to;
  }
  boxes.forEach((box) => {
    const far = +box.dataset.drag;
    box.onpointerdown = ({ pointerId, clientY: from }) => {
      box.setPointerCapture(pointerId);
      box.onpointermove = ({ clientY }) => {
        const share = (clientY - from) / box.getScreenCTM().d / far;
        put(far * Math.max(0, Math.min(1, share)));
      };
    };
    box.onlostpointercapture = () => {
      box.onpointermove = null;
      step(Math.sign(by) * Math.round(by / far));
      put(0);
    };
  });

  const controls = make('div', { class: 'drawing-controls' }, button('◀ Back', -1), range,
    button('Next ▶', 1));
  controls.addEventListener('keydown', (event) => {
    if (event.key.startsWith('Arrow')) {
      event.stopPropagation(); // mdBook would turn the page
    }
  });
  frames[0].before(controls);
  show();
});

// The life-cycle picture follows the player that was moved last.
(() => {
  const cycles = [...document.querySelectorAll('.cycle')];
  const arrows = {
    created: 'spawn', woken: 'wake', resumed: 'resume', suspended: 'park',
    'timer-set': 'park', 'socket-parked': 'park',
    finished: 'end', cancelled: 'end', panicked: 'end',
  };
  const states = {
    spawn: 'created', wake: 'ready', resume: 'running', park: 'parked', end: 'done',
  };
  document.addEventListener('lineage:step', ({ detail }) => {
    const arrow = arrows[detail];
    cycles.forEach((cycle) => {
      cycle.querySelectorAll('.arrow').forEach((it) => {
        it.classList.toggle('went', it.dataset.arrow === arrow);
      });
      cycle.querySelectorAll('.state').forEach((it) => {
        it.classList.toggle('at', it.dataset.state === states[arrow]);
      });
    });
  });
})();
