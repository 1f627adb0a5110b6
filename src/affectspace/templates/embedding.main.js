'use strict';

/** Puts the parts together. */
(() => {
  /** On paper the page is light, whatever the screen's scheme. */
  function print(on) {
    if (on) document.documentElement.dataset.print = '';
    else delete document.documentElement.dataset.print;
    State.look();
  }

  Dom.byId('explorer').hidden = false;
  if (Rows.anyScored) {
    Plane.start();
    Axes.menus();
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
