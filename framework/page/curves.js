// Panels of curves: each value faint, the smoothed one strong, and all of a step's values where the pointer is.

const FAINTEST = 1e-8;  // on a logarithmic scale; 32 bits tell no less apart
const PLOT = { wide: 360, high: 176, left: 44, right: 6, top: 8, bottom: 22, gap: 44 };

function curves(section) {
  return element("div", { class: "panels" }, ...section.panels.map(panel));
}

function panel(each) {
  const say = element("div", { class: "say soft" }, each.about);
  const wide = (PLOT.wide - PLOT.left - PLOT.right - PLOT.gap * (each.facets.length - 1)) / each.facets.length;
  const facets = each.facets.map((facet, at) => new Facet(facet, PLOT.left + at * (wide + PLOT.gap), wide, each));
  const hovered = (event) => {
    const box = drawing.getBoundingClientRect(), x = (event.clientX - box.left) * PLOT.wide / box.width;
    const found = facets.find((facet) => x >= facet.x - 8 && x <= facet.x + facet.wide + 8);
    for (const facet of facets) facet.leave();
    say.replaceChildren(...(found ? found.point(x) : [each.about]));
  };
  const left = () => {
    for (const facet of facets) facet.leave();
    say.replaceChildren(each.about);
  };
  const drawing = shape("svg", { viewBox: `0 0 ${PLOT.wide} ${PLOT.high}`, role: "img", "aria-label": `${each.title}: ${each.about}` },
    ...facets.map((facet) => facet.node));
  drawing.addEventListener("pointermove", hovered);
  drawing.addEventListener("pointerleave", left);
  return element("figure", { class: "panel" },
    element("h3", {}, each.title), say, drawing, legend(each.facets));
}

function legend(facets) {
  const names = [...new Set(facets.flatMap(({ series }) => series.map(({ name }) => name)))];
  if (names.length < 2) return null;
  return element("figcaption", {}, ...names.map((name, at) =>
    element("span", {}, element("i", { class: `ink-${at % 6}` }), name)));
}

// One stage of a panel, with axes of its own.
class Facet {
  constructor({ stage, span: [first, last], series }, x, wide, { log, facets }) {
    Object.assign(this, { series, x, wide });
    this.steps = [...new Set(series.flatMap((each) => each.steps))].sort((a, b) => a - b);
    const scaled = log ? (value) => Math.log10(Math.max(value, FAINTEST)) : (value) => value;
    const [least, most] = reach(series.flatMap((each) => [...each.values, ...each.smooth]).map(scaled));
    const high = PLOT.high - PLOT.top - PLOT.bottom;
    this.at = (step) => x + (last === first ? 0.5 : (step - first) / (last - first)) * wide;
    this.up = (value) => PLOT.top + (1 - (scaled(value) - least) / (most - least)) * high;
    this.hover = shape("g");
    const marks = log ? decades(least, most) : nice(least, most);
    const clip = `clip-${Facet.count++}`;
    this.node = shape("g", {},
      shape("clipPath", { id: clip }, shape("rect", { x: x - 4, y: PLOT.top - 4, width: wide + 8, height: high + 8 })),
      ...marks.flatMap((value) => [
        shape("line", { class: "grid", x1: x, x2: x + wide, y1: this.up(value), y2: this.up(value) }),
        shape("text", { x: x - 6, y: this.up(value) + 4, "text-anchor": "end" }, digits(value, 6))]),
      ...[first, last].slice(0, last > first ? 2 : 1).map((step, end) => shape("text",
        { x: this.at(step), y: PLOT.high - 5, "text-anchor": last > first ? ["start", "end"][end] : "middle" }, String(step))),
      shape("text", { x: x + wide / 2, y: PLOT.high - 5, "text-anchor": "middle" }, facets.length > 1 ? stage : "step"),
      shape("g", { "clip-path": `url(#${clip})` }, ...series.flatMap((each, at) => this.curve(each, at))),
      this.hover,
      shape("rect", { x, y: 0, width: wide, height: PLOT.high, fill: "transparent" }));
  }

  curve({ steps, values, smooth }, at) {
    const line = (of, name) => shape("path", { class: `${name} ink-${at % 6}`, d: steps.map((step, place) => `${place ? "L" : "M"}${this.at(step).toFixed(1)} ${this.up(of[place]).toFixed(1)}`).join("") });
    const dots = steps.length <= 24 ? steps.map((step, place) => shape("circle", { class: `ink-${at % 6}`, cx: this.at(step), cy: this.up(values[place]), r: 2.2 })) : [];
    return steps.length <= 24 ? [line(values, "strong"), ...dots] : [line(values, "faint"), line(smooth, "strong")];
  }

  // Mark the step nearest to here, and say what was measured at it.
  point(x) {
    const step = this.steps.reduce((best, each) => (Math.abs(this.at(each) - x) < Math.abs(this.at(best) - x) ? each : best));
    const there = this.series.map((each, at) => ({ name: each.name, at, value: each.values[each.steps.indexOf(step)] })).filter(({ value }) => value !== undefined);
    this.hover.append(
      shape("line", { class: "rule", x1: this.at(step), x2: this.at(step), y1: PLOT.top, y2: PLOT.high - PLOT.bottom }),
      ...there.map(({ at, value }) => shape("circle", { class: `ink-${at % 6}`, cx: this.at(step), cy: this.up(value), r: 3.2 })));
    return [`step ${step}`, ...there.map(({ name, at, value }) => element("span", {},
      this.series.length > 1 ? element("i", { class: `ink-${at % 6}` }) : null, this.series.length > 1 ? `${name} ` : "", element("b", {}, digits(value))))];
  }

  leave() {
    this.hover.replaceChildren();
  }
}
Facet.count = 0;

// From the least to the most, but for single outliers.
function reach(values) {
  const sorted = values.toSorted((a, b) => a - b), out = sorted.length >= 100 ? Math.ceil(sorted.length / 200) : 0;
  const least = sorted[out], most = sorted.at(-1 - out);
  if (least === 0 && most === 0) return [-0.06, 1];
  const room = 0.06 * (most - least) || 0.05 * Math.abs(most) || 0.05;
  return [least - room, most + room];
}

// Three to six round numbers in between.
function nice(least, most) {
  const size = 10 ** Math.floor(Math.log10((most - least) / 3));
  const step = [5, 2, 1].map((times) => times * size).find((each) => (most - least) / each >= 2.6) ?? size;
  const marks = [];
  for (let place = Math.ceil(least / step); place * step <= most; place += 1) marks.push(place * step);
  return marks;
}

// The powers of ten in between, and where those are few, their doubles and fives.
function decades(least, most) {
  const steps = most - least > 2.5 ? [1] : [1, 2, 5], marks = [];
  for (let power = Math.floor(least); power <= most; power += 1) marks.push(...steps.map((times) => times * 10 ** power));
  return marks.filter((value) => Math.log10(value) >= least && Math.log10(value) <= most);
}

// At most so many digits: three of what was measured, all of a round number.
const digits = (value, most = 3) => (value !== 0 && Math.abs(value) < 1e-3 ? String(Number(value.toPrecision(2)).toExponential()) : String(Number(value.toPrecision(most)))).replaceAll("-", "−");
