// Whether the picture of `player` is by steps and by the clock, can be zoomed by button and by key, and
// leads to the step that is clicked at; and whether what was printed stands in its place in both.
(() => {
    const complaints = [];
    const { events } = JSON.parse(player.querySelector('.trace-data').textContent);
    const said = events.filter(({ what }) => what === 'said');
    const range = player.querySelector('.trace-controls input');
    const go = (at) => {
        range.value = at;
        range.dispatchEvent(new Event('input'));
    };
    const choose = (value) => {
        const [, axis] = player.querySelectorAll('.trace-tools select');
        axis.value = value;
        axis.dispatchEvent(new Event('change'));
    };
    const press = key => range.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    const svg = () => player.querySelector('.trace-picture svg');
    const width = () => +svg().getAttribute('width');
    const printed = () => [...player.querySelectorAll('.trace-picture text')]
        .filter(it => it.getAttribute('y') === '34').map(it => [it.textContent, +it.getAttribute('x')]);
    const lines = printed().map(([text]) => text);
    if (lines.join() !== said.map(({ text }) => text).join() || !lines.length) {
        complaints.push(`printed in the picture: ${lines}`);
    }

    const ways = {
        buttons: [1, -1].map(by => () => (
            player.querySelector(`[aria-label="Zoom ${by > 0 ? 'in' : 'out'}"]`).click()
        )),
        keys: [() => press('+'), () => press('-')],
    };
    const before = width();
    Object.entries(ways).forEach(([way, [closer, away]]) => {
        const widths = [closer, away, away, closer].map((zoom) => {
            zoom();
            return width();
        });
        const [twice, once, half, again] = widths;
        if (twice <= 1.9 * before || once !== before || half >= 0.6 * before || again !== before) {
            complaints.push(`zoomed by ${way}, what was ${before} wide is ${widths}`);
        }
    });

    // Whoever clicks where a step is drawn comes to it; by the clock, to one of its time. What it
    // prints stands there.
    const clicks = (axis) => {
        const lines = printed();
        for (let at = 1; at <= events.length; at += 1) {
            go(at);
            const x = +player.querySelector('.here').getAttribute('x');
            if (events[at - 1].what === 'said' && Math.abs(lines.shift()[1] - x - 1) > 0.5) {
                complaints.push(`${axis || 'steps'}: what step ${at} prints stands elsewhere`);
            }
            go(at === 1 ? 2 : 1);
            const clientX = svg().parentNode.getBoundingClientRect().left + x + 1;
            svg().dispatchEvent(new MouseEvent('click', { bubbles: true, clientX }));
            const to = +range.value;
            if (axis ? events[to - 1].at !== events[at - 1].at : to !== at) {
                complaints.push(`${axis || 'steps'}: a click at step ${at} leads to ${to}`);
            }
        }
    };
    clicks('');
    choose('clock');
    clicks('clock');
    const by = printed();
    const [[, first]] = by;
    const scale = (by[by.length - 1][1] - first) / (said[said.length - 1].at - said[0].at);
    by.forEach(([text, x], n) => {
        if (Math.abs(x - first - (said[n].at - said[0].at) * scale) > 1) {
            complaints.push(`by the clock, ${text} stands at ${x}`);
        }
    });
    const box = player.querySelector('.trace-picture');
    if (box.scrollWidth > box.clientWidth + 1) {
        complaints.push('by the clock, all of it is not in sight');
    }
    const clocked = printed().map(([, x]) => x);
    press('+');
    const far = printed().map(([, x]) => x);
    press('-');
    if (far.some((x, n) => n && Math.abs((x - far[0]) - 2 * (clocked[n] - clocked[0])) > 1)) {
        complaints.push('by the clock, it is not zoomed');
    }
    choose('');
    [...player.querySelectorAll('tbody tr')].forEach((row, n) => {
        row.click();
        if (+range.value !== n + 1) {
            complaints.push(`a click at row ${n + 1} leads to ${range.value}`);
        }
    });
    return complaints.slice(0, 8);
})()
