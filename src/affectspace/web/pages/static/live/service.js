/** Talks to the service: recordings by a request each, sound by a stream. */

import { Refusal, Unreachable } from '../shared/api.js';

const PROTOCOL = 'affectspace.v1';
const MOST_WAITING = 2 ** 21; // bytes that a slow connection may owe

let token = null;

export function useToken(given) {
  token = given;
}

const headers = () => (token ? { Authorization: `Bearer ${token}` } : {});

/** Whether the service answers as it would answer the rest: with a `Refusal` where it doesn't. */
export async function knock() {
  await asked('openapi.json', {});
}

/** The rows of a recording. */
export async function embed(file) {
  const form = new FormData();
  form.append('files', file, file.name);
  return (await asked('v1/embed', { method: 'POST', body: form })).rows;
}

async function asked(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: headers(), cache: 'no-store', credentials: 'same-origin' });
  } catch (error) {
    throw new Unreachable(error.message);
  }
  const content = await answer.json().catch(() => undefined);
  if (!answer.ok) throw new Refusal(answer.status, content, Number(answer.headers.get('Retry-After')) || null);
  return content;
}

/**
 * A stream of samples. `heard` gets each message; `closed` is called once, with words where it ended badly.
 * Little-endian is what the service takes, and what every machine with a browser has.
 */
export function openStream({ samplingRate, window: seconds, heard, closed }) {
  const address = new URL(`v1/stream?sampling_rate=${samplingRate}&window=${seconds}&name=microphone`, document.baseURI);
  address.protocol = address.protocol.replace('http', 'ws');
  const socket = new WebSocket(address, token ? [PROTOCOL, `bearer.${token}`] : [PROTOCOL]);
  socket.binaryType = 'arraybuffer';
  let trouble = '';
  let opened = false;
  socket.onopen = () => { opened = true; };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.error) trouble = message.error.message;
    else heard(message);
  };
  socket.onclose = ({ code }) => {
    if (code !== 1000 && !trouble) trouble = opened ? `The service closed the stream (${code}).` : 'The service takes no stream now; it may be full.';
    closed(trouble);
  };
  return {
    send(samples) {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (socket.bufferedAmount > MOST_WAITING) {
        trouble = 'The connection is too slow for the sound.';
        socket.close();
        return;
      }
      socket.send(samples);
    },
    end() {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ end: true }));
      else socket.close();
    },
  };
}
