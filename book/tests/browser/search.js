// What the search finds for some words, where it should find something else.
(() => {
    const wrong = [];
    const { index: sections, doc_urls: urls } = window.search;
    const found = (words) => {
        const box = document.querySelector('#mdbook-searchbar');
        box.value = words;
        box.dispatchEvent(new Event('keyup'));
        return [...document.querySelectorAll('#mdbook-searchresults li')].map((it) => {
            const { pathname, hash } = it.querySelector('a');
            const section = sections[urls.indexOf(pathname.split('/').pop() + hash)];
            return { ...section, teaser: it.querySelector('.teaser').textContent.toLowerCase() };
        });
    };
    const is = (words, right, what) => {
        const all = found(words);
        if (!right(all)) {
            const titles = all.map(({ breadcrumbs, teaser }) => [breadcrumbs, teaser]);
            wrong.push(`${words}: ${what}: ${JSON.stringify(titles).slice(0, 300)}`);
        }
    };
    const count = (text, isIt) => text.toLowerCase().split(/\W+/).filter(isIt).length;
    // How well a section has a name: it, words that begin so, other forms; in its title or below it.
    const rank = ({ title, body }, name) => {
        const ways = [it => it === name, it => it.startsWith(name)];
        const places = ways.flatMap(way => [title, body].map(text => count(text, way)));
        const place = places.findIndex(it => it);
        return place < 0 ? [ways.length * 2, 0] : [place, Math.min(places[place], 50)];
    };
    const inOrder = name => (all) => {
        const ranks = all.map(it => rank(it, name));
        return ranks.length > 1 && ranks.slice(1).every(([place, often], n) => {
            const [before, oftener] = ranks[n];
            return before < place || (before === place && (place === 4 || oftener >= often));
        });
    };
    const has = name => it => count(`${it.title} ${it.teaser}`, word => word === name) > 0;

    ['wake', 'select', 'cancel', 'poll', 'waiting', 'resumes'].forEach((name) => {
        is(name, inOrder(name), 'names come before words that begin so, and those before other forms');
    });
    is('call_soon', all => all.length > 0 && has('call_soon')(all[0]), 'the name comes first');
    is('Reactor::select', all => all.length > 0, 'a path is found');
    is('ready queue', all => all.length > 0 && /ready queue/i.test(`${all[0].title} ${all[0].body}`),
        'words that stand side by side come first');
    is('resumes', all => all.some(it => rank(it, 'resumes')[0] === 4), 'another form of a word is found');
    is('qqqq', all => all.length === 0, 'nothing has that');
    is('reactor qqqq', all => all.length === 0, 'nothing has both');

    [['addCallback', 'add_callback'], ['loop.call_soon_threadsafe', 'remote'],
        ['ensure_future', 'spawn']].forEach(([theirs, ours]) => {
        is(`python:${theirs}`, all => all.length > 0 && all.slice(0, 3).every(has(ours)), 'it is ours');
        is(`python: ${theirs}()`, all => all.length > 0 && has(ours)(all[0]), 'it is ours, with a call');
        is(theirs, all => all.some(it => rank(it, ours)[0] < 2), 'it is found without the word');
    });

    const recorded = it => it.teaser.includes('is created by the loop');
    is('task 1 is created by the loop', all => !all.some(recorded), 'a recording is not searched');
    unsearched.forEach((words) => {
        if (sections.some(({ body }) => body.includes(words))) {
            wrong.push(`what is no text of a chapter is searched: ${words}`);
        }
    });
    return wrong;
})()
