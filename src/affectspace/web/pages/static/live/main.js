/** The live page: the microphone's trajectory, and files. */

import { Refusal, takeToken } from '../shared/api.js';
import { byId, write } from '../shared/dom.js';
import { drawCharts } from './charts.js';
import { takeFiles } from './files.js';
import { loudness, openMicrophone } from './microphone.js';
import { knock, openStream, useToken } from './service.js';
import { estimate, remark } from './words.js';

const KEPT = 600; // rows

const [toggle, choice, state, trouble, gate] = ['toggle', 'window', 'state', 'trouble', 'gate'].map(byId);
let rows = [];
let ending = null; // what stops the stream that runs

function complain(words) {
  write(trouble, words);
  trouble.hidden = !words;
}

function askForToken() {
  gate.hidden = false;
  byId('token').focus();
}

function show(row) {
  rows = [...rows, row].slice(-KEPT);
  for (const name of ['activation', 'valence']) write(byId(name), estimate(row, name));
  write(byId('status'), remark(row));
  drawCharts(rows);
}

async function listen() {
  toggle.disabled = true;
  complain('');
  write(state, 'Starting …');
  try {
    await knock();
    await run();
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) askForToken();
    complain(error.message);
    write(state, 'Not listening.');
  }
  toggle.disabled = false;
}

async function run() {
  let stream = null;
  const microphone = await openMicrophone((samples) => {
    byId('level').className = `level-${loudness(samples)}`;
    stream?.send(samples.buffer);
  });
  rows = [];
  drawCharts(rows);
  stream = openStream({
    samplingRate: microphone.samplingRate,
    window: choice.value,
    heard(message) {
      if (message.ready) {
        microphone.start();
        write(state, `Listening; the first row comes after ${message.ready.window} s.`);
      } else if (message.row) {
        show(message.row);
        write(state, ending ? 'Listening.' : 'Ending …');
      } else if (message.summary) {
        const { rows: count, scored, complete } = message.summary;
        write(state, `Ended: ${scored} of ${count} rows scored${complete ? '' : '; a stream may last no longer'}.`);
      }
    },
    closed(words) {
      ending = null;
      microphone.close();
      byId('level').className = 'level-0';
      if (words) {
        complain(words);
        write(state, 'Not listening.');
      }
      write(toggle, 'Start the microphone');
      choice.disabled = false;
    },
  });
  ending = () => {
    ending = null;
    write(state, 'Ending …');
    microphone.close();
    stream.end();
  };
  write(toggle, 'Stop');
  choice.disabled = true;
}

toggle.addEventListener('click', () => (ending ? ending() : listen()));
gate.addEventListener('submit', async (event) => {
  event.preventDefault();
  useToken(byId('token').value.trim());
  try {
    await knock();
    gate.hidden = true;
    complain('');
  } catch (error) {
    complain(error.message);
  }
});

useToken(takeToken());
takeFiles(askForToken);
drawCharts(rows);
document.documentElement.dataset.ready = '';
