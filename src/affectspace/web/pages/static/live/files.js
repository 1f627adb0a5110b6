/** Recordings that are dropped or chosen: embedded one after the other, a line for each. */

import { Refusal } from '../shared/api.js';
import { byId, make, write } from '../shared/dom.js';
import { embed } from './service.js';
import { estimate, remark } from './words.js';

const MOST = 200; // lines that are kept

export function takeFiles(refused) {
  const [field, overlay, state, rows] = ['file', 'dropping', 'files-state', 'rows'].map(byId);
  let waiting = [];
  let working = false;

  async function work() {
    working = true;
    while (waiting.length) {
      const file = waiting.shift();
      write(state, `${file.name} is being embedded …`);
      try {
        for (const row of await embed(file)) show(row);
        write(state, '');
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) refused();
        write(state, `${file.name}: ${error instanceof Refusal ? error.message : 'the service is out of reach'}`);
      }
    }
    working = false;
  }

  function show(row) {
    rows.prepend(make('tr', {}, ...[row.file, estimate(row, 'activation'), estimate(row, 'valence'), remark(row)].map((words) => make('td', { text: words }))));
    while (rows.children.length > MOST) rows.lastChild.remove();
    byId('scroller').hidden = false;
  }

  function take(files) {
    waiting = [...waiting, ...files];
    if (!working) work();
  }

  const isFile = (event) => [...event.dataTransfer?.types ?? []].includes('Files');
  window.addEventListener('dragover', (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    overlay.hidden = false;
  });
  window.addEventListener('dragleave', (event) => { if (!event.relatedTarget) overlay.hidden = true; });
  window.addEventListener('drop', (event) => {
    event.preventDefault();
    overlay.hidden = true;
    take(event.dataTransfer.files);
  });
  field.addEventListener('change', () => {
    take(field.files);
    field.value = '';
  });
}
