'use strict';

/** Puts the parts together. */
(() => {
  function colourMenu() {
    const choices = Colour.choices();
    const select = Dom.byId('colour');
    Dom.options(select, [[-1, 'nothing'], ...choices.map((column, i) => [i, column.label])], -1);
    select.addEventListener('change', () => {
      const hidden = State.hiddenSlots.size > 0;
      State.hiddenSlots.clear();
      State.colour = choices[Number(select.value)] ?? null;
      if (hidden) Filters.apply();
      State.look();
    });
  }

  function axisMenus() {
    const choices = Plane.axisChoices();
    for (const letter of ['x', 'y']) {
      const select = Dom.byId(`axis-${letter}`);
      Dom.options(select, choices.map((column, i) => [i, column.label]), choices.indexOf(State.axes[letter]));
      select.addEventListener('change', () => {
        State.look({ axes: { ...State.axes, [letter]: choices[Number(select.value)] } });
      });
    }
  }

  /** On paper the page is light, whatever the screen's scheme. */
  function print(on) {
    if (on) document.documentElement.dataset.print = '';
    else delete document.documentElement.dataset.print;
    State.look();
  }

  Dom.byId('explorer').hidden = false;
  if (Rows.anyScored) {
    colourMenu();
    Plane.start();
    axisMenus();
    Histograms.start();
    Trajectory.start();
  }
  RowTable.start();
  Details.start();
  Filters.start();
  if (Rows.anyScored) Doubts.start();
  Theme.dark.addEventListener('change', () => State.look());
  window.addEventListener('beforeprint', () => print(true));
  window.addEventListener('afterprint', () => print(false));
  document.documentElement.dataset.ready = '';
})();
