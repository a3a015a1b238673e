// Of `player`, which asks who runs next: whether that is hidden, and whether one answer is right, which
// is whoever runs next. Gives that one last.
(() => {
    const ask = player.querySelector('.trace-ask');
    const [, style] = /in (.+)\?$/.exec(ask.querySelector('p').textContent) || [];
    const figures = player.matches('.trace') ? [player] : [...player.querySelectorAll('.trace')];
    const figure = figures.find(it => !style || it.dataset.style === style);
    const told = figures.flatMap(it => [
        ...it.querySelectorAll('tr.now ~ tr, .trace-picture text, .ready li'),
    ]).filter(it => it.checkVisibility());
    const wrong = told.map(it => `it tells: ${it.textContent}`);
    const veils = figures.map(it => getComputedStyle(it.querySelector('.veil')).opacity);
    if (veils.some(it => it !== '1')) {
        wrong.push('the picture is not covered');
    }
    if (!player.querySelectorAll('.trace-tools select')[1].disabled) {
        wrong.push('by the clock, what comes next could be seen');
    }
    const next = figure.querySelector('tr.now + tr').cells[2].textContent;
    const isRight = button => next === `${button.textContent} runs`;
    const buttons = [...ask.querySelectorAll('div button')]
        .sort((one, other) => isRight(one) - isRight(other));
    if (buttons.filter(isRight).length !== 1) {
        wrong.push(`${next} is not among the answers`);
    }
    buttons.forEach((button) => {
        const should = isRight(button);
        button.click();
        const said = ask.querySelector('[role=status]').textContent;
        const mark = button.textContent.slice(0, 1);
        if (said.startsWith('Right') !== should || (mark === '✓') !== should) {
            wrong.push(`${next}, and the answer ${button.textContent} is: ${said}`);
        }
    });
    return wrong.slice(0, 5);
})()
