'use strict';

/** Colours and the common look of the plots, in the light and the dark scheme. */
const Theme = (() => {
  // Six hues that stay apart for colour-blind eyes, each as a circle and as a diamond: 12 looks.
  const HUES = {
    light: ['#0072b2', '#e69f00', '#009e73', '#cc4c9a', '#56b4e9', '#9a3b00'],
    dark: ['#4aa8e8', '#f0b429', '#2ec49b', '#e884bd', '#9adcff', '#e2763a'],
  };
  const GREY = { light: '#8a94a0', dark: '#76818d' };
  // Viridis, without its lightest end on light ground and its darkest on dark ground.
  const VIRIDIS = ['#440154', '#482878', '#3e4989', '#31688e', '#26828e', '#1f9e89', '#35b779', '#6ece58', '#b5de2b', '#fde725'];

  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => dark.matches && document.documentElement.dataset.print === undefined;
  const scheme = () => (isDark() ? 'dark' : 'light');

  function variable(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function ramp() {
    return isDark() ? VIRIDIS.slice(2) : VIRIDIS.slice(0, 9);
  }

  /** The ramp's colour at 0..1. */
  function rampColour(share) {
    const stops = ramp();
    const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
    const first = Math.min(Math.floor(place), stops.length - 2);
    const mix = (i) => {
      const [from, to] = [stops[first], stops[first + 1]].map((hex) => parseInt(hex.slice(i, i + 2), 16));
      return Math.round(from + (to - from) * (place - first));
    };
    return `rgb(${mix(1)},${mix(3)},${mix(5)})`;
  }

  function faded(hex, opacity) {
    const [red, green, blue] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    return `rgba(${red},${green},${blue},${opacity})`;
  }

  function axis(more = {}) {
    return {
      color: variable('--soft'), gridcolor: variable('--line'), linecolor: variable('--line'),
      zeroline: false, ticks: '', fixedrange: false, ...more,
    };
  }

  function layout(more = {}) {
    return {
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', showlegend: false,
      font: { family: 'system-ui, sans-serif', size: 12, color: variable('--ink') },
      margin: { l: 44, r: 10, t: 28, b: 38 }, hovermode: 'closest',
      dragmode: coarse() ? false : 'zoom', modebar: modebar(), ...more,
    };
  }

  function modebar() {
    return { bgcolor: 'rgba(0,0,0,0)', color: variable('--soft'), activecolor: variable('--accent') };
  }

  const coarse = () => window.matchMedia('(pointer: coarse)').matches;

  const config = {
    displaylogo: false, responsive: true, showTips: false,
    modeBarButtons: [['zoom2d', 'pan2d'], ['zoomIn2d', 'zoomOut2d', 'resetScale2d'], ['toImage']],
  };
  const still = { ...config, displayModeBar: false };

  function hasWebgl() {
    try {
      return Boolean(document.createElement('canvas').getContext('webgl'));
    } catch {
      return false;
    }
  }

  return {
    hues: () => HUES[scheme()], grey: () => GREY[scheme()], ramp, rampColour, faded, variable,
    axis, layout, config, still, dark, webgl: hasWebgl(),
  };
})();
