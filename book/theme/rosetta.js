// The same function in several styles: tabs, and where there is room, each with the style
// that came after it.
'use strict';

document.querySelectorAll('.rosetta').forEach((pane, number) => {
  const sections = [...pane.querySelectorAll(':scope > section')];
  const tabs = sections.map((section, n) => {
    section.id ||= `rosetta-${number + 1}-${n + 1}`;
    section.setAttribute('role', 'tabpanel');
    section.tabIndex = 0;
    const tab = make('button', {
      type: 'button', role: 'tab', id: `${section.id}-tab`, 'aria-controls': section.id,
      click: () => choose(n),
    }, section.dataset.style);
    section.setAttribute('aria-labelledby', tab.id);
    return tab;
  });
  const list = make('div', { role: 'tablist', 'aria-label': 'Styles' }, ...tabs);
  let chosen = 0;

  function show() {
    const isWide = pane.clientWidth >= 900;
    const first = isWide ? Math.min(chosen, sections.length - 2) : chosen;
    pane.classList.toggle('wide', isWide);
    list.setAttribute('aria-multiselectable', isWide);
    sections.forEach((section, n) => {
      const isShown = n === first || (isWide && n === first + 1);
      section.hidden = !isShown;
      tabs[n].setAttribute('aria-selected', isShown);
      tabs[n].tabIndex = n === chosen ? 0 : -1;
    });
  }

  function choose(n) {
    chosen = (n + tabs.length) % tabs.length;
    show();
  }

  list.addEventListener('keydown', (event) => {
    const to = {
      ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: tabs.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation(); // mdBook would turn the page
      choose(to);
      tabs[chosen].focus();
    }
  });
  pane.prepend(list);
  pane.classList.add('tabs');
  new ResizeObserver(show).observe(pane);
  show();
});
