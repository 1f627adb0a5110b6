'use strict';

/** The selected row in full, and its sound. */
const Details = (() => {
  const place = Dom.byId('details');
  const player = Dom.make('audio', { controls: true, preload: 'none' });
  const problem = Dom.make('p', { className: 'note problem', hidden: true });
  const wish = Dom.make('input', { type: 'checkbox', id: 'play-on-click', checked: true });
  const PROBLEMS = {
    link: 'This recording does not play: it is not where it was when the page was made, or the browser does not know its format.',
    embed: 'This browser does not play Ogg Vorbis.',
    serve: 'This recording does not play: it cannot be read any more, or the service has ended.',
  };
  let clips = null;

  /** Where the sound of a row is, or an empty text. */
  function soundOf(row) {
    if (Rows.audio === 'embed') return clipOf(row);
    if (Rows.audio === 'serve') return Rows.text('status', row) === 'missing' ? '' : `api/explore/audio/${row}`;
    if (Rows.audio !== 'link' || Rows.text('status', row) === 'missing') return '';
    const address = addressOf(row);
    return address && address + fragment(row);
  }

  function addressOf(row) {
    const odd = Rows.oddAddresses[Rows.file[row]];
    if (odd !== undefined) return odd;
    try {
      return Rows.addresses[Rows.folderCode(row)] + encodeURIComponent(Rows.fileName(row));
    } catch {
      return ''; // half a surrogate pair, which no address can hold
    }
  }

  function fragment(row) {
    if (Rows.isWhole(row)) return '';
    const end = Number.isFinite(Rows.ends[row]) ? `,${Rows.ends[row]}` : '';
    return `#t=${Rows.starts[row]}${end}`;
  }

  /** The sounds are read on first use: they are most of such a page. */
  function clipOf(row) {
    clips ??= JSON.parse(Dom.byId('clips').textContent);
    return clips.clips[row] ? `data:${clips.type};base64,${clips.clips[row]}` : '';
  }

  /** A value on the scale from 1 to 5, with its interval. */
  function gauge(name, row) {
    const value = Rows.number(name, row);
    if (!Number.isFinite(value)) return null;
    const at = (rating) => `${((rating - 1) / 4) * 100}%`;
    const [low, high] = [Rows.number(`${name}_low`, row), Rows.number(`${name}_high`, row)];
    const parts = [Dom.make('span', { className: 'neutral' })];
    if (Number.isFinite(low)) {
      const range = Dom.make('span', { className: 'range' });
      range.style.left = at(low);
      range.style.width = `${((high - low) / 4) * 100}%`;
      parts.push(range);
    }
    const dot = Dom.make('span', { className: 'dot' });
    dot.style.left = at(value);
    const text = Number.isFinite(low) ? ` (${low.toFixed(2)} to ${high.toFixed(2)})` : '';
    return Dom.make('div', { className: 'gauge' }, Dom.make('span', { textContent: name }),
      Dom.make('span', { className: 'track' }, ...parts, dot),
      Dom.make('span', { className: 'value' }, Dom.make('strong', { textContent: value.toFixed(2) }), text));
  }

  function fact(name, text) {
    return text === '' ? [] : [Dom.make('dt', { textContent: name }), Dom.make('dd', { textContent: text })];
  }

  function facts(row) {
    const status = Rows.text('status', row);
    const unusualness = Rows.number('unusualness', row);
    const reason = Rows.text('message', row) || (status === 'ok' ? '' : Rows.statusMeaning(status));
    const latent = Rows.columns.filter((column) => column.own && /^z\d+$/.test(column.name));
    const inputs = Rows.columns.filter((column) => !column.own);
    return Dom.make('dl', { className: 'facts' },
      ...fact('status', reason ? `${status}: ${reason}` : status),
      ...Rows.cautions(row).flatMap((word) => fact('caution', `${word}: ${Rows.cautionMeaning(word)}`)),
      ...fact('unusualness', Number.isFinite(unusualness) ? inWords(unusualness) : ''),
      ...fact('recording', Tooltip.quality(row)),
      ...fact('embedding', latent.map((column) => Rows.shown(column, row)).filter(Boolean).join(', ')),
      ...inputs.flatMap((column) => fact(column.label, Rows.shown(column, row))));
  }

  function inWords(unusualness) {
    const hundred = Math.floor(100 * unusualness);
    return `${unusualness.toFixed(3)}: more unusual than ${hundred} in 100 training utterances`;
  }

  function sound(row, play) {
    const address = soundOf(row);
    player.pause();
    problem.hidden = true;
    player.hidden = address === '';
    if (address === '') {
      player.removeAttribute('src');
      problem.hidden = Rows.audio === 'none';
      problem.textContent = Rows.audio === 'embed' ? 'The sound of this row is not in the page.' : 'There is no sound for this row.';
      return;
    }
    if (player.getAttribute('src') !== address) player.src = address;
    else player.load(); // back to the start of the span
    if (play && wish.checked) player.play().catch(() => {}); // a refusal is shown by the controls
  }

  function failed() {
    if (!player.getAttribute('src')) return;
    problem.hidden = false;
    problem.textContent = PROBLEMS[Rows.audio];
  }

  function show({ row, play }) {
    place.replaceChildren(
      Dom.make('h2', { textContent: Rows.path(row), title: Rows.fullPath(row), className: 'path' }),
      Dom.make('p', { className: 'note', textContent: Rows.span(row) }),
      player, problem,
      ...['activation', 'valence'].map((name) => gauge(name, row)).filter(Boolean),
      facts(row),
      ...clickToPlay(),
    );
    sound(row, play);
  }

  function clickToPlay() {
    if (Rows.audio === 'none') return [];
    return [Dom.make('label', { className: 'note' }, wish, ' Play on click')];
  }

  function start() {
    const hint = Rows.audio === 'none' ? 'Click a point or a row to see it in full.' : 'Click a point or a row to see it in full and to hear it.';
    place.replaceChildren(Dom.make('h2', { textContent: 'No row selected' }), Dom.make('p', { className: 'note', textContent: hint }), ...clickToPlay());
    player.addEventListener('error', failed);
    State.on('select', show);
  }

  return { start };
})();
