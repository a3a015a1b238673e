// Knobs at a recorded run: the server of this book runs the program again as they are turned.
// The figure is called TRACE?KNOBS from then on, and so its links lead to that run; the chapter's
// own links lead back to the recorded one.
'use strict';

(() => {
  const WHY = 'Other weather, more clients, another style: for that somebody has to run it again. '
    + 'Read the book with ';
  const field = (name, ...rest) => make('label', {}, make('span', {}, name), ...rest);

  function knob({ name, label, unit, value, least, most }) {
    const input = make('input', {
      name, type: name === 'seed' ? 'number' : 'range', min: least, max: most, value,
      'data-was': value, 'data-unit': unit,
    });
    return field(label, input, make('output'));
  }

  function select(style, styles) {
    const options = styles.map(it => make('option', it === style ? { selected: '' } : {}, it));
    return field('style', make('select', { name: 'style', 'data-was': style }, ...options));
  }

  function panel(root) {
    const ids = figuresOf(root).map(it => it.id);
    const was = figuresOf(root).map(it => it.dataset);
    const program = `program=${was[0].program}`;
    const said = make('p', { role: 'status' });
    const form = make('form', {
      input: () => run(),
      reset: () => setTimeout(run), // it has its values back only then
      keydown: event => event.stopPropagation(), // or mdBook turns the page
    });
    let [opened, asked] = [];
    const details = make('details', { class: 'knobs', toggle: () => open() },
      make('summary', {}, 'Turn the knobs'), form, said);
    root.before(details);

    function open() {
      opened = opened || fill().catch(() => {
        said.replaceChildren(WHY, make('code', {}, 'cargo run -p book'), '.');
      });
      return opened;
    }

    async function fill() {
      const query = `${program}&${was.map(it => `style=${it.style}`).join('&')}`;
      const url = lineage.isServed ? `/.knobs?${query}` : Promise.reject();
      const { knobs, styles } = await (await fetch(await url)).json();
      form.append(...was.map(it => select(it.style, styles)), ...knobs.map(knob),
        make('button', { type: 'reset' }, 'As recorded'));
      show();
    }

    const fields = () => [...form.elements].filter(it => it.name);
    const show = () => form.querySelectorAll('input').forEach((it) => {
      it.nextSibling.value = it.type === 'range' ? `${it.value} ${it.dataset.unit}` : '';
    });

    // Those that do not stand as they came: all styles, if one does not.
    function turned() {
      const names = new Set(fields().filter(it => it.value !== it.dataset.was).map(it => it.name));
      const all = fields().filter(it => names.has(it.name));
      return all.map(it => `${it.name}=${it.value}`).join('&');
    }

    async function run() {
      asked?.abort();
      asked = new AbortController();
      const { signal } = asked;
      show();
      try {
        const query = new URLSearchParams(new FormData(form));
        const answer = await fetch(`/.run?${program}&${query}`, { signal });
        const text = await answer.text();
        said.textContent = answer.ok ? play(text) : text;
      } catch {
        said.textContent = signal.aborted ? '' : 'The server is gone.';
      }
    }

    function play(html) {
      const template = make('template');
      template.innerHTML = html;
      const fresh = template.content.firstElementChild;
      const figures = figuresOf(fresh);
      const query = turned();
      figures.forEach((it, n) => { it.id = ids[n] + (query && `?${query}`); });
      root = lineage.renew(root, fresh);
      history.replaceState(null, '', `#${figures[0].id}:step=1`);
      const cut = template.content.querySelector('.cut')?.textContent ?? '';
      return `A new run: ${figures.map(it => it.dataset.steps).join(' and ')} steps. ${cut}`;
    }

    async function turn(query, step) {
      details.open = true;
      await open();
      details.scrollIntoView();
      if (fields().length) {
        fields().forEach((it) => { it.value = query.get(it.name) || it.dataset.was; });
        form.querySelectorAll('select').forEach((it, n) => {
          it.value = query.getAll('style')[n] || it.value;
        });
        await run();
        history.replaceState(null, '', `#${figuresOf(root)[0].id}${step}`);
        window.dispatchEvent(new Event('hashchange')); // and the player goes to its step
      }
    }

    return { ids, turn, now: () => figuresOf(root)[0].id };
  }

  const panels = [...document.querySelectorAll('.trace-pair, :not(.trace-pair) > .trace')]
    .filter(root => !root.querySelector('.trace-data').textContent.includes('"clock":"real"'))
    .map(panel);

  function restore() {
    const [, id, query = '', step] = /^#([^?]+)(\?.+)?(:step=\d+)$/.exec(location.hash) || [];
    const one = panels.find(it => it.ids.includes(id));
    if (one && one.now() !== one.ids[0] + query) {
      one.turn(new URLSearchParams(query), step);
    }
  }
  window.addEventListener('hashchange', restore);
  restore();
})();
