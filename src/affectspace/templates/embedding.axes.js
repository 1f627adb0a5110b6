'use strict';

/** What the plane shows: its axes, how far they go, and the menus that choose axes and colour. */
const Axes = (() => {
  const RATINGS = ['activation', 'valence'];
  const CORNERS = [[0, 1, 'tense'], [1, 1, 'excited'], [0, 0, 'sad'], [1, 0, 'calm']];

  const isRating = (column) => column.own && RATINGS.includes(column.name);
  const isAffectPlane = ({ x, y }) => isRating(x) && isRating(y) && x.name === 'valence' && y.name === 'activation';
  const title = ({ x, y }) => (isAffectPlane({ x, y }) ? 'Affect plane' : `${y.label} against ${x.label}`);

  function choices() {
    const unplottable = /_(low|high)$/;
    return Rows.columns.filter((column) => (
      column.kind === 'number' && !(column.own && unplottable.test(column.name))
      && Rows.hasValues(column)
    ));
  }

  /** Valence across and activation up; what a model lacks is replaced by what there is. */
  function defaults() {
    const there = choices();
    const named = (name) => there.find((column) => column.own && column.name === name);
    const [activation, valence] = [named('activation'), named('valence')];
    const spare = named('unusualness') ?? named('duration') ?? there[0] ?? null;
    if (activation || valence) return { x: valence ?? spare, y: activation ?? spare };
    return { x: named('z1') ?? spare, y: named('z2') ?? spare };
  }

  /** Ratings from 1 to 5, and all else by its values. */
  function range(column) {
    if (isRating(column)) return [0.95, 5.05];
    let [low, high] = [Infinity, -Infinity];
    for (const value of column.values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const margin = (high - low || 1) * 0.04;
    return [low - margin, high + margin];
  }

  function colourMenu() {
    const columns = Colour.choices();
    const select = Dom.byId('colour');
    Dom.options(select, [[-1, 'nothing'], ...columns.map((column, i) => [i, column.label])], -1);
    select.addEventListener('change', () => {
      const hidden = State.hiddenSlots.size > 0;
      State.hiddenSlots.clear();
      State.colour = columns[Number(select.value)] ?? null;
      if (hidden) Filters.apply();
      State.look();
    });
  }

  /** Fill the menus, after the plane has chosen its axes. */
  function menus() {
    colourMenu();
    const there = choices();
    for (const letter of ['x', 'y']) {
      const select = Dom.byId(`axis-${letter}`);
      Dom.options(select, there.map((column, i) => [i, column.label]), there.indexOf(State.axes[letter]));
      select.addEventListener('change', () => {
        State.look({ axes: { ...State.axes, [letter]: there[Number(select.value)] } });
      });
    }
  }

  return { CORNERS, isRating, isAffectPlane, title, defaults, range, menus };
})();
