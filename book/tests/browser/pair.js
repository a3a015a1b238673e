// Whether one recording of `player` is ahead of the other's time, or has not begun.
(() => {
    const tables = [...player.querySelectorAll('.trace')].map((figure) => {
        const rows = [...figure.querySelectorAll('tbody tr')];
        const at = rows.map(row => parseFloat(row.cells[1].textContent));
        const { clock } = JSON.parse(figure.querySelector('.trace-data').textContent);
        return { at, clock, now: rows.findIndex(row => row.matches('[aria-current=step]')) };
    });
    if (tables.some(({ clock }) => clock === 'real')) {
        return [];
    }
    return tables.flatMap(({ at, now }, n) => {
        const other = tables[1 - n];
        const next = other.at[other.now + 1];
        return at[now] > next ? [`one is at ${at[now]} ms, the other comes to ${next} ms`] : [];
    });
})()
