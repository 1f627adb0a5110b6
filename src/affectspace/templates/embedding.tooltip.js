'use strict';

/** What a row says when the pointer is on it. */
const Tooltip = (() => {
  const box = Dom.byId('tooltip');

  function value(label, row) {
    const middle = Rows.number(label, row);
    if (!Number.isFinite(middle)) return null;
    const [low, high] = [Rows.number(`${label}_low`, row), Rows.number(`${label}_high`, row)];
    const interval = Number.isFinite(low) ? `  (${low.toFixed(2)} to ${high.toFixed(2)})` : '';
    return [label, middle.toFixed(2) + interval];
  }

  function quality(row) {
    const parts = [
      [Rows.number('duration', row), (v) => `${v.toFixed(1)} s`],
      [Rows.number('level', row), (v) => `${v.toFixed(0)} dBFS`],
      [Rows.number('voiced_share', row), (v) => `${(100 * v).toFixed(0)} % voiced`],
      [Rows.number('bandwidth', row), (v) => `up to ${(v / 1000).toFixed(1)} kHz`],
      [Rows.number('snr', row), (v) => `${v.toFixed(0)} dB over noise`],
    ];
    return parts.filter(([v]) => Number.isFinite(v)).map(([v, say]) => say(v)).join(' · ');
  }

  /** Pairs of a name and a text, for a row. */
  function facts(row) {
    const unusualness = Rows.number('unusualness', row);
    const status = Rows.text('status', row);
    return [
      value('activation', row),
      value('valence', row),
      Number.isFinite(unusualness) ? ['unusualness', unusualness.toFixed(3)] : null,
      ['status', status === 'ok' ? 'ok' : `${status}: ${Rows.text('message', row) || Rows.statusMeaning(status)}`],
      Rows.cautions(row).length ? ['caution', Rows.cautions(row).join(', ')] : null,
      State.colour && !State.colour.own ? [State.colour.label, Rows.shown(State.colour, row)] : null,
    ].filter((fact) => fact !== null);
  }

  function show(row, event) {
    box.replaceChildren(
      Dom.make('strong', { textContent: Rows.path(row) }),
      Dom.make('span', { textContent: Rows.span(row) }),
      Dom.make('dl', {}, ...facts(row).flatMap(([name, text]) => (
        [Dom.make('dt', { textContent: name }), Dom.make('dd', { textContent: text })]
      ))),
      Dom.make('span', { textContent: quality(row) }),
    );
    box.hidden = false;
    place(event);
  }

  /** Beside the pointer, and within the window. */
  function place(event) {
    const gap = 14;
    const { width, height } = box.getBoundingClientRect();
    const left = event.clientX + gap + width > window.innerWidth ? event.clientX - gap - width : event.clientX + gap;
    const top = Math.min(event.clientY + gap, window.innerHeight - height - 4);
    box.style.left = `${Math.max(4, left)}px`;
    box.style.top = `${Math.max(4, top)}px`;
  }

  function hide() {
    box.hidden = true;
  }

  return { show, hide, quality };
})();
