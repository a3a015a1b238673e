// Looks at the first figure whose boxes can be dragged: `middle` takes note of where all is, `moved`
// says what is not a share of the way further, and `left` what is not as it was at first.
(() => {
    const figure = document.querySelector('[data-drag]').closest('.drawing');
    figure.scrollIntoView({ block: 'center', behavior: 'instant' });
    const frames = [...figure.querySelectorAll('.frame')];
    const visible = () => frames.find(frame => frame.checkVisibility());
    const boxes = frame => [...frame.querySelectorAll('[data-drag]')];
    const unit = () => visible().querySelector('svg').getBoundingClientRect().width / 360;
    const line = ({ x1, y1, x2, y2 }) => [x1, y1, x2, y2].map(it => it.baseVal.value);
    const lines = () => [...figure.querySelectorAll('line')].map(line);
    const place = frame => ({
        tops: boxes(frame).map(it => it.getBoundingClientRect().top),
        line: line(frame.querySelector('line')),
    });
    const differ = (one, other) => one.some((it, n) => Math.abs(it - other[n]) > 0.6);
    const words = all => all.filter(([isWrong]) => isWrong).map(([, it]) => it);
    const first = lines();
    let was;

    window.shown = () => frames.indexOf(visible()) + 1;
    window.middle = () => {
        was = place(visible());
        const [box] = boxes(visible());
        const { left, top, width, height } = box.getBoundingClientRect();
        return [left + width / 2, top + height / 2, +box.dataset.drag * unit()];
    };
    window.moved = (share) => {
        const is = place(visible());
        const far = share * boxes(visible())[0].dataset.drag;
        const [x, y, ...tip] = was.line;
        return words([
            [differ(is.tops, was.tops.map(top => top + far * unit())), 'a box is elsewhere'],
            [differ(is.line.slice(0, 2), [x, y + far]), 'the arrow begins elsewhere'],
            [differ(is.line.slice(2), tip), 'the arrow points elsewhere'],
        ]);
    };
    window.left = () => words([
        [boxes(figure).some(it => parseFloat(it.style.translate.split(' ')[1])), 'a box stays behind'],
        [differ(lines().flat(), first.flat()), 'an arrow stays behind'],
        [document.getAnimations().length, 'something moves by itself'],
    ]);
})()
