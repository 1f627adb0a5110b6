/** Pointer and keys on the plane: hover, click, lasso, rectangle, move, and from point to point. */

/* global Dom, Rows, State, Tooltip */

const STILL = 5; // px that a click may move
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Whether a place is inside a polygon: an odd number of its edges lies to the right. */
export function isInside([px, py], polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
    if ((yi > py) !== (yj > py) && px < ((xj - xi) * (py - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

const rectangle = ([[x1, y1]], [x2, y2]) => [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
const way = (event) => (event.altKey ? 'remove' : event.shiftKey ? 'add' : 'only');

export function pickingTools(plane, chosen, { say }) {
  const over = Dom.byId('over');
  const buttons = [...document.querySelectorAll('[data-tool]')].filter((one) => one !== over);
  let tool = '';
  let path = null; // of the pointer while it is down

  function use(name) {
    tool = name;
    over.dataset.tool = name;
    for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.tool === name));
  }

  const placeIn = (event) => {
    const box = over.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function down(event) {
    if (event.button !== 0) return;
    path = [placeIn(event)];
    if (tool) over.setPointerCapture(event.pointerId);
    plane.hover(-1);
    Tooltip.hide();
  }

  function moved(event) {
    const here = placeIn(event);
    if (!path) {
      hover(here, event);
      return;
    }
    const before = path[path.length - 1];
    path.push(here);
    if (tool === 'move') plane.move(here[0] - before[0], here[1] - before[1]);
    else if (tool === 'lasso') plane.outline(path);
    else if (tool === 'box') plane.outline(rectangle(path, here));
  }

  function hover(here, event) {
    const row = event.pointerType === 'touch' ? -1 : plane.nearest(...here);
    plane.hover(row);
    if (row >= 0) Tooltip.show(row, event);
    else Tooltip.hide();
  }

  function up(event) {
    if (!path) return;
    const [drawn, end] = [path, placeIn(event)];
    path = null;
    plane.outline(null);
    const far = Math.max(...drawn.map(([x, y]) => Math.hypot(x - drawn[0][0], y - drawn[0][1])));
    if (far < STILL) click(drawn[0], event);
    else if (tool === 'lasso' || tool === 'box') pick(tool === 'lasso' ? drawn : rectangle(drawn, end), way(event));
  }

  function click(here, event) {
    const row = plane.nearest(...here);
    if (row < 0) return;
    if (event.shiftKey || event.altKey) chosen.mark([row], way(event));
    else State.select(row, { from: 'plane', play: true });
  }

  function pick(polygon, how) {
    chosen.mark(plane.rows().filter((row) => isInside(plane.placeOf(row), polygon)), how);
  }

  function stop() {
    path = null;
    plane.outline(null);
    plane.hover(-1);
    Tooltip.hide();
  }

  function go([dx, dy]) {
    const row = plane.next(State.selected, dx, dy);
    if (row < 0) return;
    State.select(row, { from: 'plane' });
    const value = (name) => Rows.number(name, row);
    const values = ['activation', 'valence'].filter((name) => Number.isFinite(value(name))).map((name) => `${name} ${value(name).toFixed(2)}`);
    say([Rows.path(row), ...values, ...Rows.cautions(row), chosen.isMarked(row) ? 'selected' : ''].filter(Boolean).join(', '));
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      Enter: () => State.selected >= 0 && State.select(State.selected, { from: 'plane', play: true }),
      ' ': () => State.selected >= 0 && chosen.mark([State.selected], chosen.isMarked(State.selected) ? 'remove' : 'add'),
      Escape: () => chosen.any() && chosen.mark([]),
      '+': () => plane.zoom(0.7), '=': () => plane.zoom(0.7), '-': () => plane.zoom(1 / 0.7), 0: plane.fit,
    };
    if (ARROWS[event.key]) go(ARROWS[event.key]);
    else if (actions[event.key]) actions[event.key]();
    else return;
    event.preventDefault();
  }

  function wheel(event) {
    if (tool !== 'move' && !event.ctrlKey) return; // else the page scrolls
    event.preventDefault();
    plane.zoom(1.0015 ** event.deltaY, ...placeIn(event));
  }

  over.addEventListener('pointerdown', down);
  over.addEventListener('pointermove', moved);
  over.addEventListener('pointerup', up);
  over.addEventListener('pointercancel', stop);
  over.addEventListener('pointerleave', () => { if (!path) stop(); });
  over.addEventListener('keydown', key);
  over.addEventListener('wheel', wheel, { passive: false });
  for (const button of buttons) button.addEventListener('click', () => use(tool === button.dataset.tool ? '' : button.dataset.tool));
  use(window.matchMedia('(pointer: coarse)').matches ? '' : 'lasso'); // a finger scrolls the page
}
