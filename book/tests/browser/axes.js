// Whether the picture of `player` is by steps and by the clock, and can be zoomed; and whether what
// was printed stands in its place in both.
(() => {
    const complaints = [];
    const { events } = JSON.parse(player.querySelector('.trace-data').textContent);
    const said = events.filter(({ what }) => what === 'said');
    const choose = (value) => {
        const [, axis] = player.querySelectorAll('.trace-tools select');
        axis.value = value;
        axis.dispatchEvent(new Event('change'));
    };
    const width = () => +player.querySelector('.trace-picture svg').getAttribute('width');
    const printed = () => [...player.querySelectorAll('.trace-picture text')]
        .filter(it => it.getAttribute('y') === '34').map(it => [it.textContent, +it.getAttribute('x')]);
    const lines = printed().map(([text]) => text);
    if (lines.join() !== said.map(({ text }) => text).join() || !lines.length) {
        complaints.push(`printed in the picture: ${lines}`);
    }
    const before = width();
    player.querySelector('[aria-label="Zoom in"]').click();
    if (width() <= 1.9 * before) {
        complaints.push(`zoomed, it is ${width()} wide, and was ${before}`);
    }
    player.querySelector('[aria-label="Zoom out"]').click();
    if (width() !== before) {
        complaints.push('zoomed out, it is not as it was');
    }
    choose('clock');
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
    choose('');
    return complaints;
})()
