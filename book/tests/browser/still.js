// Whether anything below a player moves while it plays: how high the player is at each step.
(() => [...document.querySelectorAll('.trace-controls input')].flatMap((range) => {
    const player = range.closest('.trace, .trace-pair');
    const heights = new Set();
    for (range.value = 1; heights.size < 2; range.value = +range.value + 1) {
        range.dispatchEvent(new Event('input'));
        heights.add(player.offsetHeight);
        if (range.value === range.max) {
            return [];
        }
    }
    const which = player.querySelector('figcaption').textContent;
    return [`at step ${range.value - 1} the height jumps: ${[...heights].join(', ')}: ${which}`];
}))()
