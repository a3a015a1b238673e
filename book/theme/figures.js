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
  const back = make('button', { type: 'button', click: () => step(-1) }, '◀ Back');
  const next = make('button', { type: 'button', click: () => step(1) }, 'Next ▶');

  function show() {
    frames.forEach((frame, n) => frame.classList.toggle('off', n + 1 !== +range.value));
    range.setAttribute('aria-valuetext', `${range.value} of ${frames.length}`);
  }

  function step(by) {
    range.value = +range.value + by;
    show();
  }

  // A link of a chain leads to its picture.
  figure.addEventListener('click', ({ target }) => {
    const link = target.closest('[data-frame]');
    if (link) {
      range.value = link.dataset.frame;
      show();
    }
  });

  const controls = make('div', { class: 'drawing-controls' }, back, range, next);
  controls.addEventListener('keydown', (event) => {
    if (event.key.startsWith('Arrow')) {
      event.stopPropagation(); // mdBook would turn the page
    }
  });
  frames[0].before(controls);
  frames.forEach(frame => frame.setAttribute('aria-live', 'polite'));
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
