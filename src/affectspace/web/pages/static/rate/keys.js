/** What keys do while a recording is rated, wherever the focus is. Controls keep the keys that are theirs. */

const OWN_SPACE = 'button, a, summary, select, option, textarea, input:not([type=radio]), input[name=category]';
const OWN_ENTER = 'button, a, summary, select, option, textarea';
const TYPING = 'textarea, input[type=text], input[type=search]';

/**
 * @param {{active: () => boolean, play: () => void, submit: () => void, undo: () => void, move: (event: KeyboardEvent) => boolean, movable: (target: Element) => boolean}} doing
 */
export function listen(doing) {
  document.addEventListener('keydown', (event) => {
    if (!doing.active() || event.defaultPrevented || event.isComposing) return;
    const target = event.target instanceof Element ? event.target : document.body;
    const command = event.ctrlKey || event.metaKey;
    if (event.key === ' ' && !command && !target.matches(OWN_SPACE)) act(event, doing.play);
    else if (event.key === 'Enter' && (command || !target.matches(OWN_ENTER))) act(event, doing.submit);
    else if (event.key.toLowerCase() === 'z' && command && !event.shiftKey && !target.matches(TYPING)) act(event, doing.undo);
    else if (event.key.startsWith('Arrow') && doing.movable(target) && doing.move(event)) event.preventDefault();
  });
  // A radio button is chosen when the space bar is let go.
  document.addEventListener('keyup', (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    if (event.key === ' ' && doing.active() && !target.matches(OWN_SPACE)) event.preventDefault();
  });
}

function act(event, action) {
  event.preventDefault();
  if (!event.repeat) action();
}
