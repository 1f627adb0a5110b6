'use strict';

/** The utterances: a table, and what made up the estimate of the chosen one. */
(() => {
  const told = Data.utterances;
  const byId = (id) => document.getElementById(id);

  function element(tag, text) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const seconds = (value) => `${Number(value.toFixed(2))} s`;

  function place(row) {
    const [start, end] = [told.start[row], told.end[row]];
    if (start === 0 && end === null) return told.file[row];
    return `${told.file[row]} (${seconds(start)} to ${end === null ? 'the end' : seconds(end)})`;
  }

  const shown = (value) => (value === null ? '' : value.toFixed(2));

  /** From the usual estimate to this one, family by family, the largest part first. */
  function waterfall(row, label) {
    const added = told.families.map((family, i) => [family, told.added[label][i][row]]);
    added.sort((one, other) => Math.abs(other[1]) - Math.abs(one[1]));
    const limit = told.limit[label][row];
    if (limit) added.push(['end of the scale', limit]);
    const names = ['usual', ...added.map(([family]) => family), 'estimate'];
    const rows = names.map((_, i) => i);
    const steps = added.map(([, value]) => value);
    const text = [told.usual[label][row], ...steps, told.estimate[label][row]].map((value, i) => (
      i === 0 || i === names.length - 1 ? value.toFixed(2) : `${value < 0 ? '' : '+'}${value.toFixed(2)}`
    ));
    const hues = Theme.hues();
    return {
      traces: [{
        type: 'waterfall', orientation: 'h', y: rows, x: [told.usual[label][row], ...steps, 0], text,
        measure: ['absolute', ...steps.map(() => 'relative'), 'total'], textposition: 'outside',
        increasing: { marker: { color: hues[1] } }, decreasing: { marker: { color: hues[0] } },
        totals: { marker: { color: Theme.grey() } }, hoverinfo: 'skip', cliponaxis: false,
        connector: { line: { width: 1, color: Theme.variable('--line') } },
      }],
      layout: {
        height: 30 * names.length + 60, margin: { l: 10, r: 44, t: 10, b: 44 },
        xaxis: { title: { text: label } , ...span(row, label, steps) },
        yaxis: { tickvals: rows, ticktext: names, range: [names.length - 0.5, -0.5], automargin: true, showgrid: false },
      },
    };
  }

  /** The part of the scale in which the bars lie. */
  function span(row, label, steps) {
    let at = told.usual[label][row];
    const places = [at, ...steps.map((step) => (at += step))];
    const [low, high] = [Math.min(...places), Math.max(...places)];
    const room = Math.max(0.12 * (high - low), 0.02);
    return { range: [low - room, high + room] };
  }

  function start() {
    const body = element('tbody');
    const rows = [];
    let chosen = -1;

    const label = () => byId('label').value;

    function choose(row) {
      if (chosen >= 0) rows[chosen].removeAttribute('aria-selected');
      chosen = row;
      rows[row].setAttribute('aria-selected', 'true');
      rows[row].scrollIntoView({ block: 'nearest' });
      const scored = told.estimate[label()][row] !== null;
      byId('chosen').textContent = scored ? place(row) : `${place(row)}: ${told.status[row]}`;
      byId('waterfall').hidden = !scored;
      if (scored) Charts.draw(byId('waterfall'), waterfall(row, label()));
    }

    function fill() {
      rows.forEach((line, row) => {
        const cells = [place(row), shown(told.estimate[label()][row]), told.why[label()][row] || told.status[row]];
        line.replaceChildren(...cells.map((text) => element('td', text)));
        line.classList.toggle('unscored', told.estimate[label()][row] === null);
      });
      head.replaceChildren(...['file', label(), 'why'].map((text) => element('th', text)));
    }

    function filter() {
      const wanted = byId('search').value.toLowerCase();
      rows.forEach((line, row) => { line.hidden = !told.file[row].toLowerCase().includes(wanted); });
      const count = rows.filter((line) => !line.hidden).length;
      byId('count').textContent = `${count.toLocaleString('en')} of ${rows.length.toLocaleString('en')} rows`;
    }

    function move(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      for (let row = chosen + step; row >= 0 && row < rows.length; row += step) {
        if (!rows[row].hidden) { choose(row); return; }
      }
    }

    for (const name of told.labels) byId('label').append(element('option', name));
    for (let row = 0; row < told.file.length; row += 1) {
      const line = element('tr');
      line.addEventListener('click', () => choose(row));
      rows.push(line);
    }
    const table = element('table');
    table.className = 'rows';
    const head = element('tr');
    const top = element('thead');
    top.append(head);
    body.append(...rows);
    table.append(top, body);
    byId('scroller').append(table);
    byId('utterances').hidden = false;
    byId('search').addEventListener('input', filter);
    byId('label').addEventListener('change', () => { fill(); choose(chosen); });
    byId('scroller').addEventListener('keydown', move);
    Theme.dark.addEventListener('change', () => choose(chosen));
    fill();
    filter();
    const first = told.labels.length ? told.estimate[told.labels[0]].findIndex((value) => value !== null) : -1;
    choose(Math.max(first, 0));
  }

  if (told && told.labels.length && told.file.length) start();
  document.documentElement.dataset.ready = '';
})();
