// The search: a name as it stands before words that begin so, and those before other forms of
// the word; `python:NAME` finds ours.
'use strict';

window.elasticlunr && (() => {
  const { Index, stemmer } = elasticlunr;
  const { load } = Index;
  const safe = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

  // How well a section fits a word: nothing is 0.
  function fit({ title, body }, word) {
    const [begin, stem] = [word, stemmer(word)].map(it => `(?<!\\w)${safe(it)}`);
    const ways = [`${begin}(?!\\w)`, begin, stem].flatMap(it => [[title, it], [body, it]]);
    const counts = ways.map(([text, it]) => (text.match(new RegExp(it, 'gi')) || []).length);
    const way = counts.findIndex(it => it);
    return way < 0 ? 0 : 100 * (ways.length - way) + Math.min(counts[way], 50);
  }

  // The sections that have all words, the best first; before them those that have them so.
  // What stands before `from` is not shown.
  function find(sections, words, from) {
    const phrase = words.join(' ');
    return sections.map((doc, ref) => {
      const all = words.map(word => fit(doc, word));
      const whole = words.length > 1 && doc.body.toLowerCase().includes(phrase) ? 1e4 : 0;
      const score = all.includes(0) ? 0 : all.reduce((sum, it) => sum + it, whole);
      const at = from ? doc.body.toLowerCase().indexOf(from) - 60 : 0;
      const body = doc.body.slice(doc.body.lastIndexOf(' ', Math.max(0, at)) + 1);
      const breadcrumbs = doc.breadcrumbs.replaceAll('<', '&lt;');
      return { ref, score, doc: { ...doc, body, breadcrumbs } };
    }).filter(it => it.score).sort((one, other) => other.score - one.score);
  }

  function search(sections, typed) {
    const name = typed.toLowerCase().replace(/^python:\s*/, '');
    const key = name.replace(/\(.*/, '').split('.').pop();
    const ours = window.search.python[key] || [];
    const own = name.length < typed.length && ours.length ? [] : find(sections, name.split(/\s+/));
    const found = ours.map(it => it.toLowerCase()).flatMap(it => find(sections, [it], it));
    const seen = new Set();
    return [...own, ...found].filter(({ ref }) => !seen.has(ref) && seen.add(ref));
  }

  // The stock tool's own index is searched as it is.
  Index.load = data => (
    Array.isArray(data) ? { search: typed => search(data, typed) } : load(data)
  );
})();
