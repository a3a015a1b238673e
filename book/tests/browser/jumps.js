// Whether each jump of `player` leads, from one step in so many, to the next of its kind: by its key
// and by its button. Of a pair, whichever recording has it first.
(() => {
    const figures = player.matches('.trace') ? [player] : [...player.querySelectorAll('.trace')];
    const traces = figures.map(it => JSON.parse(it.querySelector('.trace-data').textContent));
    const range = player.querySelector('.trace-controls input');
    const go = (at) => {
        range.value = at;
        range.dispatchEvent(new Event('input'));
    };
    const done = figure => [...figure.querySelectorAll('tbody tr')]
        .findIndex(row => row.matches('[aria-current=step]')) + 1;
    // How far each recording is at each step of the player.
    const path = [figures.map(() => 0)];
    for (let at = 1; at <= +range.max; at += 1) {
        go(at);
        path.push(figures.map(done));
    }
    const name = (n, id) => traces[n].subjects.find(it => it.id === id)?.called || id;
    const who = (n, at) => {
        const last = traces[n].events.slice(0, path[at][n]).reverse().find(({ subject }) => subject);
        return last && name(n, last.subject);
    };
    const kinds = {
        w: ['Next wake', ({ what }) => what === 'woken'],
        n: ['Next turn', ({ what }) => what === 'turn-began'],
        r: ['Runs again', ({ what, subject }, n, at) => (
            what === 'resumed' && name(n, subject) === who(n, at)
        )],
    };
    const wanted = (at, isIt) => {
        const later = path.map((_, n) => n).slice(at + 1);
        return later.find(to => traces.some(({ events }, n) => (
            events.slice(path[to - 1][n], path[to][n]).some(it => isIt(it, n, at))
        ))) || at;
    };
    const wrong = [];
    Object.entries(kinds).forEach(([key, [words, isIt]]) => {
        const button = [...player.querySelectorAll('button')].find(it => it.textContent === words);
        const jumps = {
            [key]: () => range.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })),
            [words]: () => button.click(),
        };
        for (let at = 1; at <= +range.max; at += Math.ceil(+range.max / 25)) {
            Object.entries(jumps).forEach(([jump, leap]) => {
                go(at);
                leap();
                if (+range.value !== wanted(at, isIt)) {
                    wrong.push(`${jump} at ${at} leads to ${range.value}, not to ${wanted(at, isIt)}`);
                }
            });
        }
    });
    go(1);
    return wrong.slice(0, 5);
})()
