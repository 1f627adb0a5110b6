/** Plays one recording, counts how often, and knows whether it was heard to its end. The sound is never drawn. */

import { draw, make, write } from '../shared/dom.js';
import { number, say } from '../shared/wording.js';

const RADIUS = 21;
const ROUND = 2 * Math.PI * RADIUS;
const ICONS = {
  play: 'M19.5 15.5v17l14-8.5z',
  pause: 'M17.5 16h4.5v16h-4.5zM26 16h4.5v16H26z',
};

/** @param {() => void} onChange  called when it starts, stops, ends or fails */
export function createPlayer(onChange) {
  const audio = new Audio();
  audio.preload = 'auto';
  const ring = draw('circle', { cx: 24, cy: 24, r: RADIUS, class: 'ring', 'stroke-dasharray': ROUND, 'stroke-dashoffset': ROUND });
  const icon = draw('path', { d: ICONS.play, class: 'ink' });
  const button = make(
    'button', { type: 'button', class: 'play', onclick: toggle },
    draw('svg', { viewBox: '0 0 48 48', 'aria-hidden': 'true', focusable: 'false' }, draw('circle', { cx: 24, cy: 24, r: RADIUS, class: 'track' }), ring, icon),
  );
  const time = make('span', { class: 'time', dir: 'ltr', 'aria-hidden': 'true' });
  const plays = make('span', { class: 'plays' });
  const caption = make('span', { class: 'caption', 'aria-hidden': 'true' });
  const failure = make('p', { class: 'failure', role: 'alert', hidden: true });
  const retry = make('button', { type: 'button', class: 'plain', onclick: reload });
  const element = make('div', { class: 'player', role: 'group' }, button, make('div', { class: 'beside' }, caption, make('span', { class: 'facts' }, time, plays), failure));
  let state = empty();
  let frame = 0;

  function empty() {
    return { url: null, seconds: 0, starts: 0, heard: false, failed: false, since: null, elapsed: 0 };
  }

  /** Take another recording. `known` is what a kept draft or the rating before an undo says of it: `{starts, heard, elapsed}`. */
  function load(url, seconds, known = {}) {
    stop();
    state = { ...empty(), url, seconds, starts: known.starts ?? 0, heard: known.heard ?? false, elapsed: known.elapsed ?? 0 };
    audio.src = url;
    audio.load();
    refresh();
  }

  function reload() {
    state.failed = false;
    audio.load();
    refresh();
    play();
  }

  function stop() {
    audio.pause();
    cancelAnimationFrame(frame);
  }

  async function play() {
    if (!state.url) return;
    const whole = audio.ended || audio.currentTime === 0;
    if (audio.ended) audio.currentTime = 0;
    const { url } = state;
    try {
      await audio.play();
      if (url !== state.url) return;
      if (whole) state.starts += 1;
      state.since ??= performance.now();
    } catch (error) {
      if (error.name !== 'AbortError' && error.name !== 'NotAllowedError' && url === state.url) fail();
    }
    refresh();
    onChange();
  }

  function toggle() {
    if (audio.paused) return play();
    audio.pause();
    return Promise.resolve();
  }

  function fail() {
    if (!state.url) return;
    state.failed = true;
    refresh();
    onChange();
  }

  audio.addEventListener('error', fail);
  audio.addEventListener('ended', () => {
    state.heard = true;
    refresh();
    onChange();
  });
  for (const name of ['play', 'pause', 'loadedmetadata']) audio.addEventListener(name, refresh);

  function refresh() {
    const playing = !audio.paused && !audio.ended;
    icon.setAttribute('d', playing ? ICONS.pause : ICONS.play);
    const action = say(playing ? 'player.pause' : state.starts > 0 ? 'player.again' : 'player.play');
    button.setAttribute('aria-label', action);
    write(caption, action);
    write(plays, state.starts > 0 ? say('player.plays', { count: number(state.starts) }) : '');
    failure.hidden = !state.failed;
    if (state.failed) {
      retry.textContent = say('player.retry');
      failure.replaceChildren(say('player.failed'), ' ', retry);
    }
    element.setAttribute('aria-label', say('player.name'));
    follow();
  }

  function follow() {
    cancelAnimationFrame(frame);
    const length = Number.isFinite(audio.duration) ? audio.duration : state.seconds;
    const place = audio.ended ? length : audio.currentTime;
    ring.setAttribute('stroke-dashoffset', String(ROUND * (1 - (length > 0 ? Math.min(place / length, 1) : 0))));
    write(time, `${clock(place)} / ${clock(length)} s`);
    if (!audio.paused && !audio.ended) frame = requestAnimationFrame(follow);
  }

  return {
    element, load, play, toggle, stop, refresh,
    focus: () => button.focus({ preventScroll: true }),
    heard: () => state.heard,
    failed: () => state.failed,
    starts: () => state.starts,
    /** Since the first start, in milliseconds; 0 where there was none. */
    elapsed: () => Math.round(state.elapsed + (state.since === null ? 0 : performance.now() - state.since)),
  };
}

/** Seconds with one digit after the point, since recordings are short. */
const clock = (seconds) => number(seconds, 1, 1);
