// Whether the states of a loop follow from its events.
(() => {
    const complaints = [];
    const expect = (what, got, wanted) => {
        if (JSON.stringify(got) !== JSON.stringify(wanted)) {
            complaints.push(`${what}: ${JSON.stringify(got)}, and not ${JSON.stringify(wanted)}`);
        }
    };
    const freeze = (it) => {
        Object.values(it || {}).filter(value => typeof value === 'object').forEach(freeze);
        return Object.freeze(it);
    };
    const { START, reduce, states, account } = lineage;

    const loop = { kind: 'loop' };
    const timer = { kind: 'timer', id: 7 };
    const late = { kind: 'timer', id: 8 };
    const task = { kind: 'subject', id: 2 };
    const events = [
        { at: 0, what: 'created', subject: 1, by: loop, file: 0, line: 3 },
        { at: 0, what: 'created', subject: 2, by: loop },
        { at: 0, what: 'woken', subject: 1, by: loop },
        { at: 0, what: 'woken', subject: 2, by: loop },
        { at: 0, what: 'turn-began', turn: 1 },
        { at: 1, what: 'resumed', subject: 1 },
        { at: 1, what: 'timer-set', subject: 1, on: late, due: 90 },
        { at: 1, what: 'timer-set', subject: 1, on: timer, due: 50 },
        { at: 1, what: 'suspended', subject: 1, on: timer, file: 0, line: 9, depth: 2 },
        { at: 2, what: 'resumed', subject: 2 },
        { at: 2, what: 'woken', subject: 2, by: loop },
        { at: 2, what: 'suspended', subject: 2 },
        { at: 2, what: 'turn-ended' },
        { at: 50, what: 'timer-fired', subject: 1, on: timer },
        { at: 50, what: 'woken', subject: 1, by: timer },
        { at: 50, what: 'turn-began', turn: 2 },
        { at: 50, what: 'resumed', subject: 2 },
        { at: 50, what: 'resumed', subject: 1 },
        { at: 50, what: 'timer-cancelled', subject: 1, on: late },
        { at: 50, what: 'finished', subject: 1 },
        { at: 50, what: 'cancelled', subject: 2 },
        { at: 60, what: 'created', subject: 3, by: task },
        { at: 60, what: 'socket-parked', subject: 3, on: { kind: 'socket', id: 4, direction: 'read' } },
        { at: 60, what: 'noted', subject: 3, variable: 'left', text: '2' },
        { at: 60, what: 'noted', subject: 3, variable: 'left', text: '1' },
        { at: 61, what: 'said', subject: 3, text: 'a 2' },
        { at: 70, what: 'socket-ready', subject: 3, on: { kind: 'socket', id: 4, direction: 'read' } },
        { at: 71, what: 'noted', subject: 0, variable: 'started', text: 'true' },
    ];
    const all = [freeze(START)];
    events.forEach((event, n) => all.push(freeze(reduce(all[n], freeze(event), n + 1))));
    const after = n => all[n];

    expect('what is new is not ready', [after(2).ready, after(2).subjects[2].is], [[], 'new']);
    expect('the ready stand in line', after(5).ready, [1, 2]);
    expect('a turn is served', [after(5).turn, after(5).serving], [1, true]);
    expect('whoever runs has left the line', [after(6).running, after(6).ready], [[1], [2]]);
    expect('timers are in order of due', after(8).timers.map(it => it.id), [7, 8]);
    expect('whoever sets a timer runs on', after(8).subjects[1].is, 'running');
    expect('it waits', after(9).subjects[1], {
        is: 'waiting', on: timer, place: { file: 0, line: 9 }, depth: 2,
        woken: { by: loop, step: 3 },
    });
    expect('woken while it runs, it is ready again', [after(12).subjects[2].is, after(12).ready], ['ready', [2]]);
    expect('between turns', after(13).serving, false);
    expect('a timer that fired is gone', after(14).timers.map(it => it.id), [8]);
    expect('it was woken by the timer', after(15).subjects[1].woken, { by: timer, step: 15 });
    expect('who was woken first is first', after(15).ready, [2, 1]);
    expect('one runs inside another', after(18).running, [2, 1]);
    expect('a timer can be cancelled', after(19).timers, []);
    expect('the outer one runs on', after(20).running, [2]);
    expect('all have ended', [after(21).running, after(21).subjects[2].is], [[], 'cancelled']);
    expect('a callback that is parked waits', after(23).subjects[3].is, 'waiting');
    expect('it holds the last value', after(25).subjects[3].notes, { left: '1' });
    expect('what is printed stays', after(27).printed, [{ at: 61, text: 'a 2' }]);
    const socket = isReady => [{ id: 4, direction: 'read', subject: 3, isReady }];
    expect('a socket is waited for', after(26).sockets, socket(false));
    expect('and is ready', after(27).sockets, socket(true));
    expect('the loop is nobody', after(28).subjects[0], undefined);
    expect('time is spent ready and waiting', account(events, all, 21), {
        1: { runs: 2, running: 0, ready: 1, waiting: 49 },
        2: { runs: 2, running: 0, ready: 50, waiting: 0 },
    });
    expect('the place is the last known', after(6).place, { file: 0, line: 3 });

    document.querySelectorAll('.trace-data').forEach((data) => {
        const { events: told, style } = JSON.parse(data.textContent);
        const known = states(told);
        told.forEach(({ what, subject }, n) => {
            const { ready, running } = known[n];
            if (what === 'resumed' && !running.length && ready.length && ready[0] !== subject) {
                complaints.push(`${style}, step ${n + 1}: ${subject} runs before ${ready[0]}`);
            }
        });
        expect(`${style}: nobody runs on after the end`, known[told.length].running, []);
    });
    return complaints;
})()
