'use strict';

/** What is shown and what is selected; every part of the page listens here. */
const State = (() => {
  const listeners = { filter: [], pick: [], select: [], look: [] };
  const all = Int32Array.from({ length: Rows.count }, (_, row) => row);
  const state = {
    shown: all, // rows that pass the filters, in the table's order
    picked: null, // rows that were picked among them, by a lasso say; null: none
    selected: -1,
    colour: null, // a column, or null
    axes: { x: null, y: null },
    hiddenSlots: new Set(), // of the colour's legend
  };

  function on(event, listener) {
    listeners[event].push(listener);
  }

  function emit(event, detail) {
    for (const listener of listeners[event]) listener(detail);
  }

  function show(rows) {
    state.shown = rows;
    emit('filter');
  }

  /** The rows that are listed: those picked, else all that are shown. */
  const listed = () => state.picked ?? state.shown;

  function pick(rows) {
    state.picked = rows;
    emit('pick');
  }

  /** Select a row; `from` says which part did it, `play` whether it shall sound. */
  function select(row, { from = '', play = false } = {}) {
    state.selected = row;
    emit('select', { row, from, play });
  }

  /** Colours, axes or the scheme have changed. */
  function look(change = {}) {
    Object.assign(state, change);
    emit('look');
  }

  return Object.assign(state, { all, on, show, listed, pick, select, look });
})();

/** Small ways to build the page; text is always text, never markup. */
const Dom = (() => {
  const byId = (id) => document.getElementById(id);

  /** An element with properties and children; strings among them become text. */
  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  function options(select, entries, chosen) {
    select.replaceChildren(
      ...entries.map(([value, label]) => make('option', { value, textContent: label, selected: value === chosen })),
    );
  }

  /** Call once things have been quiet for a moment. */
  function debounced(action, milliseconds) {
    let timer = 0;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(action, milliseconds);
    };
  }

  return { byId, make, options, debounced };
})();
