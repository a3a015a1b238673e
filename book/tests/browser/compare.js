// Whether the lanes of `player` that are marked are those that differ from their namesakes, and no
// others.
(() => {
    const [one, other] = [...player.querySelectorAll('.trace-picture')]
        .map(box => [...box.querySelectorAll('li[data-sign]')]);
    const signs = lanes => new Map(lanes.map(it => [it.textContent, it.dataset.sign]));
    const wrong = (lanes, others) => lanes.filter((it) => {
        const differs = others.has(it.textContent) && others.get(it.textContent) !== it.dataset.sign;
        return differs !== it.classList.contains('differs');
    });
    return [...wrong(one, signs(other)), ...wrong(other, signs(one))].map(it => it.textContent);
})()
