// The page of an exercise asks every second how the reader's file stands, while it is looked at.
'use strict';

lineage.isServed && document.querySelectorAll('.exercise').forEach((place) => {
  const said = make('p', { role: 'status' });
  let run = make('div');
  let last;
  place.replaceChildren(said, run);

  function show(html) {
    const hadFocus = run.contains(document.activeElement);
    const fresh = make('div');
    fresh.innerHTML = html;
    run = lineage.renew(run, fresh);
    run.querySelector('tbody .differs')?.click();
    if (hadFocus) {
      run.querySelector('input')?.focus({ preventScroll: true });
    }
  }

  async function ask() {
    const answer = await fetch(`/.exercise?${place.dataset.number}&${last}`);
    const { state, words, html } = await answer.json() || {};
    if (state) {
      last = state;
      said.textContent = words;
      html === null || show(html);
    }
  }

  (async function look() {
    try {
      document.hidden || await ask();
    } catch {
      said.textContent = 'The server is gone.';
      last = '';
    }
    setTimeout(look, 1000);
  })();
});
