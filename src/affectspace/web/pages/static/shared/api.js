/** Talks to the study's server. Every answer is JSON; a refusal and an unreachable server are two kinds of error. */

/** The server answered, and said no. */
export class Refusal extends Error {
  constructor(status, body, wait) {
    super(body?.error?.message ?? `the server answered with ${status}`);
    this.status = status;
    this.code = body?.error?.code ?? 'internal';
    this.body = body ?? {};
    this.wait = wait;
  }

  /** Whether asking again later, with nothing changed, may help. */
  get passing() {
    return [429, 500, 502, 503, 504, 507].includes(this.status);
  }
}

/** No answer, or none that could be read: the network or the server is away. */
export class Unreachable extends Error {}

const PATIENCE = 20000; // milliseconds for one request
const FILE_PATIENCE = 180000; // likewise, for one that holds a file to work on

async function request(method, url, { body, file, token } = {}) {
  const headers = {};
  if (method !== 'GET') headers['Content-Type'] = file ? 'application/octet-stream' : 'application/json';
  if (token) headers['X-CSRF-Token'] = token;
  let answer;
  let content;
  try {
    answer = await fetch(url, {
      method, headers, cache: 'no-store', credentials: 'same-origin',
      body: file ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal: AbortSignal.timeout(file ? FILE_PATIENCE : PATIENCE),
    });
    const text = await answer.text();
    content = readable(text);
    if (answer.ok && content === undefined) throw new Unreachable(`an answer that isn't JSON from ${url}`);
  } catch (error) {
    throw error instanceof Unreachable ? error : new Unreachable(error.message);
  }
  if (!answer.ok) throw new Refusal(answer.status, content, Number(answer.headers.get('Retry-After')) || null);
  return content;
}

/** A file that the server makes, with the name that it gives it. */
export async function fetchFile(url) {
  let answer;
  try {
    answer = await fetch(url, { cache: 'no-store', credentials: 'same-origin' });
  } catch (error) {
    throw new Unreachable(error.message);
  }
  if (!answer.ok) throw new Refusal(answer.status, readable(await answer.text()), null);
  const [, name] = /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '') ?? [null, 'export'];
  return { name, content: await answer.blob() };
}

function readable(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The part of the service below `base`, for one session. */
export function connect(base) {
  let token = null;
  let owner = null;

  const who = (answer) => answer.rater?.name ?? base;

  async function ask(method, path, content = {}) {
    try {
      return await request(method, `${base}/${path}`, { ...content, token });
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'bad_csrf' || !await renewed()) throw error;
      return request(method, `${base}/${path}`, { ...content, token });
    }
  }

  /** The same link was opened in another tab, which began a session anew: whether this tab may share it. */
  async function renewed() {
    const answer = await request('GET', `${base}/session`);
    if (who(answer) !== owner) return false;
    token = answer.csrf;
    return true;
  }

  return {
    /** The session that a personal link opens, or, without a link's token, the one that this browser has. */
    async open(link) {
      const answer = link
        ? await request('POST', `${base}/session`, { body: { token: link } })
        : await request('GET', `${base}/session`);
      token = answer.csrf;
      owner = who(answer);
      return answer;
    },
    get: (path) => ask('GET', path),
    send: (method, path, body = {}) => ask(method, path, { body }),
    sendFile: (path, file) => ask('POST', path, { file }),
  };
}

/** The personal link's token. It leaves the address bar, so that it isn't seen, bookmarked or shared by chance. */
export function takeToken() {
  const token = decodeURIComponent(window.location.hash.slice(1));
  if (token) window.history.replaceState(null, '', window.location.pathname + window.location.search);
  return token || null;
}

/** Letters and digits that no one guesses, also where the page isn't in a secure context. */
export function freshKey() {
  if (window.crypto.randomUUID) return window.crypto.randomUUID();
  const bytes = window.crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
