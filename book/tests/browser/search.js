// What the search finds for some words, where it should find something else.
(() => {
    const wrong = [];
    const found = (words) => {
        const box = document.querySelector('#mdbook-searchbar');
        box.value = words;
        box.dispatchEvent(new Event('keyup'));
        return [...document.querySelectorAll('#mdbook-searchresults li')].map(it => ({
            title: it.querySelector('a').textContent,
            teaser: it.querySelector('.teaser').textContent.toLowerCase(),
        }));
    };
    const is = (words, right, what) => {
        if (!right(found(words))) {
            wrong.push(`${words}: ${what}: ${JSON.stringify(found(words)).slice(0, 300)}`);
        }
    };
    const has = (name, it) => new RegExp(`(?<!\\w)${name}(?!\\w)`, 'i').test(`${it.title} ${it.teaser}`);
    is('call_soon', all => all.length > 0 && has('call_soon', all[0]), 'the name comes first');
    is('Reactor::select', all => all.length > 0, 'a path is found');
    is('python:addCallback', all => all.length > 0 && has('add_callback', all[0]), 'it is ours');
    is('python: loop.call_soon_threadsafe', all => all.length > 0, 'a method is found');
    is('waiting', all => all.length > 0, 'a word is found');
    is('qqqq', all => all.length === 0, 'nothing has that');
    const recorded = it => it.teaser.includes('is created by the loop');
    is('task 1 is created by the loop', all => !all.some(recorded), 'a recording is not searched');
    return wrong;
})()
