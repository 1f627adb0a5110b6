'use strict';

/** Scored rows to be trusted less: a ring for a caution, a cross for what is unlike the training speech. */
const Doubts = (() => {
  const CLEAR = 500; // marks that are drawn as strongly as one
  const KINDS = [
    { sign: 'ring', symbol: 'circle-open', label: 'scored with a caution', has: (words) => words.some((word) => word !== 'unusual') },
    { sign: 'cross', symbol: 'x-thin-open', label: 'unusual: unlike the training speech', has: (words) => words.includes('unusual') },
  ];
  const hidden = new Set(); // kinds whose rows are filtered out

  const of = (rows, kind) => rows.filter((row) => kind.has(Rows.cautions(row)));

  /** The more marks there are, the fainter they are. */
  const strength = (count) => Math.min(Math.max(CLEAR / count, 0.12), 0.8);

  const areMarked = () => Dom.byId('doubts').checked;

  function button(kind) {
    const found = Dom.make('button', { type: 'button', title: `${kind.label}: click to hide or show` },
      Dom.make('span', { className: `sign ${kind.sign}` }), Dom.make('span', { textContent: kind.label }));
    const say = () => found.setAttribute('aria-pressed', String(!hidden.has(kind)));
    found.addEventListener('click', () => {
      if (!hidden.delete(kind)) hidden.add(kind);
      say();
      Filters.apply();
    });
    say();
    return { found, say };
  }

  /** The legend's entries, for the kinds that there are; they hide and show their rows. */
  function start() {
    const there = KINDS.filter((kind) => of(State.all, kind).length);
    const buttons = there.map(button);
    Dom.byId('marks').prepend(...buttons.map(({ found }) => found));
    Dom.byId('doubts').closest('label').hidden = !there.length;
    Dom.byId('doubts').addEventListener('change', () => State.look());
    Filters.also({
      tests: () => [...hidden].map((kind) => (row) => !kind.has(Rows.cautions(row))),
      clear: () => {
        hidden.clear();
        for (const { say } of buttons) say();
      },
    });
  }

  return { start, kinds: KINDS, of, strength, areMarked };
})();
