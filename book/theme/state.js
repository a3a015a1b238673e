// What the loop looks like after each event of a recording. The events are those of
// docs/trace.md; nothing here knows of a page or a clock.
'use strict';

window.lineage = (() => {
  // `subjects` says of each what it is (new, ready, running, waiting, finished, cancelled,
  // panicked), what it waits on, at which place, how many calls deep, and what it holds.
  // `running` is a stack: whoever is resumed inside another stands after it. `sockets` are
  // the directions that somebody has waited for, `printed` the lines so far.
  const START = {
    at: 0, turn: 0, serving: false, place: null,
    running: [], ready: [], timers: [], sockets: [], printed: [], subjects: {},
  };

  const placeOf = ({ file, line }) => (line === undefined ? null : { file, line });
  const without = (list, id) => list.filter(other => other !== id);

  // The state after `event`, which is number `step` of the recording.
  function reduce(state, event, step) {
    const { subject: id, on = null } = event;
    const place = placeOf(event);
    const was = state.subjects[id] || { is: 'new', on: null, place: null, depth: 0 };
    const is = changes => ({
      subjects: { ...state.subjects, [id]: { ...was, ...changes } },
    });
    // Whoever runs only takes note; a callback that is left behind waits from now on.
    const waits = () => (was.is === 'new'
      ? is({ is: 'waiting', on, place: place || was.place })
      : is({ place: place || was.place }));
    const ends = () => ({
      running: without(state.running, id),
      ready: without(state.ready, id),
      ...is({ is: event.what, on: null }),
    });
    const socket = isReady => ({
      sockets: [
        ...state.sockets.filter(it => it.id !== on.id || it.direction !== on.direction),
        { id: on.id, direction: on.direction, subject: id, isReady },
      ],
    });
    const fired = () => ({ timers: state.timers.filter(it => it.id !== on.id) });
    const changes = {
      'turn-began': () => ({ turn: event.turn, serving: true }),
      'turn-ended': () => ({ serving: false }),
      created: () => is({ place }),
      woken: () => ({
        ready: state.ready.includes(id) ? state.ready : [...state.ready, id],
        ...is({
          is: was.is === 'running' ? 'running' : 'ready',
          on: null, woken: { by: event.by, step },
        }),
      }),
      resumed: () => ({
        running: [...state.running, id],
        ready: without(state.ready, id),
        ...is({ is: 'running', on: null }),
      }),
      suspended: () => ({
        running: without(state.running, id),
        ...is({
          is: state.ready.includes(id) ? 'ready' : 'waiting',
          on, place: place || was.place, depth: event.depth || 0,
        }),
      }),
      finished: ends,
      cancelled: ends,
      panicked: ends,
      'timer-set': () => ({
        timers: [...state.timers, { id: on.id, subject: id, due: event.due ?? Infinity }]
          .sort((one, other) => one.due - other.due),
        ...waits(),
      }),
      'timer-fired': fired,
      'timer-cancelled': fired,
      'socket-parked': () => ({ ...socket(false), ...waits() }),
      'socket-ready': () => socket(true),
      noted: () => id && is({ notes: { ...was.notes, [event.variable]: event.text } }),
      said: () => ({ printed: [...state.printed, { at: event.at, text: event.text }] }),
    }[event.what];
    return {
      ...state,
      at: event.at,
      place: place || (id && was.place) || state.place,
      ...(changes && changes()),
    };
  }

  // All of them: `states(events)[n]` is how things are after `n` events.
  function states(events) {
    const all = [START];
    events.forEach((event, n) => all.push(reduce(all[n], event, n + 1)));
    return all;
  }

  // Of each subject until a step: how often it ran; how long it ran, was ready, and waited.
  function account(events, all, step) {
    const sums = {};
    const of = id => (sums[id] ||= { runs: 0, running: 0, ready: 0, waiting: 0 });
    events.slice(0, step).forEach(({ at, what, subject }, n) => {
      Object.entries(all[n].subjects).forEach(([id, { is }]) => {
        if (is in of(id)) {
          of(id)[is] += at - all[n].at;
        }
      });
      if (what === 'resumed') {
        of(subject).runs += 1;
      }
    });
    return sums;
  }

  return { START, reduce, states, account };
})();
