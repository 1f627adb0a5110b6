'use strict';

/** The bar of filters: which rows are shown, everywhere on the page. */
const Filters = (() => {
  const unusualness = Rows.own.get('unusualness');
  const files = Rows.fileColumn.levels.map((path) => path.toLowerCase());
  let statusOn = [];
  let cautionOn = new Map();
  const others = []; // further parts of the bar: what each asks of a row, and how it is cleared

  function tick(place, label, title, count) {
    const box = Dom.make('input', { type: 'checkbox', checked: true, value: label });
    box.addEventListener('change', apply);
    place.append(Dom.make('label', { title }, box, ` ${label} `, Dom.make('span', { className: 'count', textContent: count.toLocaleString('en') })));
    return box;
  }

  function buildStatuses() {
    const column = Rows.own.get('status');
    const counts = new Array(column.levels.length).fill(0);
    for (const code of column.codes) counts[code] += 1;
    statusOn = column.levels.map((word, code) => tick(Dom.byId('statuses'), word, Rows.statusMeaning(word), counts[code]));
    Dom.byId('status-menu').hidden = column.levels.length < 2;
  }

  function buildCautions() {
    const counts = new Map();
    for (const row of State.all) {
      for (const word of Rows.cautions(row)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    const place = Dom.byId('cautions');
    cautionOn = new Map([...counts].sort((a, b) => b[1] - a[1]).map(([word, count]) => (
      [word, tick(place, word, Rows.cautionMeaning(word), count)]
    )));
    Dom.byId('caution-menu').hidden = !counts.size;
  }

  /** Each file once: those whose path holds every word that was typed. */
  function matchingFiles() {
    const words = Dom.byId('search').value.toLowerCase().split(/\s+/).filter(Boolean);
    return words.length ? files.map((path) => words.every((word) => path.includes(word))) : null;
  }

  function range() {
    const [from, to] = ['unusual-from', 'unusual-to'].map((id) => Dom.byId(id).valueAsNumber);
    return [Number.isFinite(from) ? from : 0, Number.isFinite(to) ? to : 1];
  }

  function predicates() {
    const tests = [];
    const matching = matchingFiles();
    if (matching) tests.push((row) => matching[Rows.file[row]]);
    const status = Rows.own.get('status');
    if (statusOn.some((box) => !box.checked)) tests.push((row) => statusOn[status.codes[row]].checked);
    if ([...cautionOn.values()].some((box) => !box.checked)) {
      tests.push((row) => Rows.cautions(row).every((word) => cautionOn.get(word).checked));
    }
    const [from, to] = range();
    if (unusualness && (from > 0 || to < 1)) {
      tests.push((row) => unusualness.values[row] >= from && unusualness.values[row] <= to);
    }
    for (const other of others) tests.push(...other.tests());
    if (State.hiddenSlots.size) {
      const { slots } = Colour.scheme(State.colour);
      tests.push((row) => !State.hiddenSlots.has(slots[row]));
    }
    return tests;
  }

  function apply() {
    const tests = predicates();
    const rows = tests.length ? State.all.filter((row) => tests.every((test) => test(row))) : State.all;
    State.show(rows);
    count(rows);
    Dom.byId('reset').disabled = !tests.length;
    for (const id of ['status-menu', 'caution-menu']) {
      const some = [...Dom.byId(id).querySelectorAll('input')].some((box) => !box.checked);
      Dom.byId(id).classList.toggle('active', some);
    }
  }

  function count(rows) {
    Dom.byId('count').textContent = `${rows.length.toLocaleString('en')} of ${Rows.count.toLocaleString('en')} rows`;
    const scored = rows.filter(Rows.isScored);
    const means = ['activation', 'valence'].map((name) => [name, mean(name, scored)]).filter(([, value]) => Number.isFinite(value));
    Dom.byId('means').textContent = means.length
      ? `Means of the rows that are shown: ${means.map(([name, value]) => `${name} ${value.toFixed(2)}`).join(', ')}.` : '';
  }

  function mean(name, rows) {
    let [sum, n] = [0, 0];
    for (const row of rows) {
      const value = Rows.number(name, row);
      if (Number.isFinite(value)) { sum += value; n += 1; }
    }
    return sum / n;
  }

  function reset() {
    Dom.byId('search').value = '';
    Dom.byId('unusual-from').value = '0';
    Dom.byId('unusual-to').value = '1';
    for (const box of document.querySelectorAll('#filters input[type=checkbox]')) box.checked = true;
    const recolour = State.hiddenSlots.size > 0;
    State.hiddenSlots.clear();
    for (const other of others) other.clear();
    apply();
    if (recolour) State.look();
  }

  /** Another part of the bar: `tests()` are functions of a row, `clear()` lets all rows through. */
  const also = (other) => others.push(other);

  /** A menu closes when something else is clicked, and on Escape. */
  function closeMenus(event) {
    for (const menu of document.querySelectorAll('details.menu[open]')) {
      if (event.key === 'Escape' || (event.type === 'pointerdown' && !menu.contains(event.target))) menu.open = false;
    }
  }

  function start() {
    buildStatuses();
    buildCautions();
    Dom.byId('unusualness-range').hidden = !unusualness || !Rows.hasValues(unusualness);
    const soon = Dom.debounced(apply, 180);
    for (const id of ['search', 'unusual-from', 'unusual-to']) Dom.byId(id).addEventListener('input', soon);
    Dom.byId('reset').addEventListener('click', reset);
    document.addEventListener('pointerdown', closeMenus);
    document.addEventListener('keydown', closeMenus);
    count(State.all);
  }

  return { start, apply, also };
})();
