// Gives `player` the first half of its recording: HTML of the same kind as the page's own.
(() => {
    const { make, renew } = lineage;
    const half = (figure) => {
        const trace = JSON.parse(figure.querySelector('.trace-data').textContent);
        trace.events.length = Math.ceil(trace.events.length / 2);
        const table = figure.querySelector('table').cloneNode(true);
        [...table.tBodies[0].rows].slice(trace.events.length).forEach(row => row.remove());
        const data = make('script', { type: 'application/json', class: 'trace-data' });
        data.textContent = JSON.stringify(trace).replaceAll('<', '\\u003c');
        return make('figure', { class: 'trace', id: figure.id }, make('figcaption'), table, data);
    };
    const isOne = player.matches('.trace');
    const halves = [...(isOne ? [player] : player.querySelectorAll('.trace'))].map(half);
    const whole = isOne ? halves[0] : make('div', { class: 'trace-pair' }, ...halves);
    const was = player;
    player = renew(was, whole);
    window.dispatchEvent(new Event('resize'));
    const lasts = [was, player].map(it => +it.querySelector('input').max);
    return [
        [was.isConnected || !player.isConnected, 'the old one is still there'],
        [lasts[0] <= lasts[1], `it had ${lasts[0]} steps, and has ${lasts[1]}`],
    ].filter(([isWrong]) => isWrong).map(([, words]) => words);
})()
