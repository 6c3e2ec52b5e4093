// A line chart in SVG: thinned to the width, zoomed by dragging, read under the pointer or by arrow keys.

import { extent, momentText, padded, timeTicks, valueTicks } from "./axis.js";
import { announce, fill, h, s, visible } from "./dom.js";
import { number } from "./format.js";

const MARGIN = { top: 12, right: 12, bottom: 26 };
const HEIGHT = 340;
const NARROW_HEIGHT = 280;
const LETTER = 6.6; // the width of a digit in the axis labels
const LEAST_DRAG = 6;

// --- thinning --------------------------------------------------------------------------------------

/**
 * The points of one series that a number of columns can show: of each column of pixels the first, the
 * smallest, the largest and the last, so that no peak is lost.
 * @param points [{x, values}] in the order of x
 */
export function thin(points, index, from, to, columns) {
  const kept = [];
  const width = (to - from) / columns || 1;
  let bucket = null;
  const close = () => {
    if (!bucket) return;
    const chosen = new Set([bucket.first, bucket.least, bucket.most, bucket.last]);
    kept.push(...[...chosen].sort((a, b) => a.order - b.order));
  };
  points.forEach((point, order) => {
    const y = point.values[index];
    if (Number.isNaN(y) || point.x < from || point.x > to) return;
    const column = Math.floor((point.x - from) / width);
    const mark = { x: point.x, y, order };
    if (!bucket || bucket.column !== column) {
      close();
      bucket = { column, first: mark, least: mark, most: mark };
    }
    if (y < bucket.least.y) bucket.least = mark;
    if (y > bucket.most.y) bucket.most = mark;
    bucket.last = mark;
  });
  close();
  return kept;
}

// --- drawing ---------------------------------------------------------------------------------------

function path(marks, { x, y }) {
  return marks.map((mark, i) => `${i === 0 ? "M" : "L"}${x(mark.x).toFixed(1)} ${y(mark.y).toFixed(1)}`).join("");
}

const curve = (marks, i, scale) =>
  s("path", { class: `curve line-${i + 1}`, d: path(marks, scale), "data-points": marks.length });

const swatch = (i) =>
  s(
    "svg",
    { viewBox: "0 0 16 8", "aria-hidden": "true" },
    s("line", { x1: 0, x2: 16, y1: 4, y2: 4, class: `line-${i + 1}` }),
  );

function yAxis(ticks, { y, left, right }) {
  return ticks.map(([at, label]) => [
    s("line", { class: "rule", x1: left, x2: right, y1: y(at), y2: y(at) }),
    s("text", { x: left - 8, y: y(at) + 4, "text-anchor": "end" }, label),
  ]);
}

function xAxis(from, to, { x, left, right, height }) {
  const anchor = (at) => (at > right - 28 ? "end" : at < left + 24 ? "start" : "middle");
  return timeTicks(from, to, Math.max(2, Math.floor(right / 84))).map(([at, label]) =>
    s("text", { x: x(at), y: height - 8, "text-anchor": anchor(x(at)) }, label),
  );
}

// From values to pixels, and back on the axis of times.
function scaleOf({ from, to, low, high, left, width, height }) {
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  return {
    left,
    right,
    bottom,
    width,
    height,
    x: (value) => left + ((value - from) / (to - from || 1)) * (right - left),
    y: (value) => bottom - ((value - low) / (high - low)) * (bottom - MARGIN.top),
    back: (pixel) => from + ((pixel - left) / (right - left)) * (to - from),
  };
}

// --- the chart -------------------------------------------------------------------------------------

/** A chart that keeps itself up to date with its width. */
export class LineChart {
  #names;
  #xType;
  #onZoom;
  #svg = s("svg", { role: "img", tabindex: 0 });
  #legend = h("div", { class: "legend" });
  #points = [];
  #range = [0, 1];
  #scale = null;
  #cursor = null; // which point is read
  #dragged = null; // the pixel where a drag began

  /**
   * @param names of the series
   * @param xType DATE or DATETIME
   * @param onZoom(from, to) called when somebody has chosen a part of the axis
   */
  constructor(names, xType, onZoom) {
    this.#names = names;
    this.#xType = xType;
    this.#onZoom = onZoom;
    this.element = h("div", { class: "chart" }, this.#legend, this.#svg);
    this.#listen();
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /** Shows points [{x, values}], which are in the order of x, from range[0] to range[1]. */
  show(points, range) {
    this.#points = points;
    this.#range = range;
    this.#cursor = null;
    this.#draw();
  }

  #marks(columns) {
    const [from, to] = this.#range;
    return this.#names.map((_, i) => thin(this.#points, i, from, to, columns));
  }

  // The labels of the values decide where the lines begin.
  #layOut(width) {
    const values = this.#marks(width).flatMap((marks) => marks.map(({ y }) => y));
    const [low, high] = padded(extent(values));
    const ticks = valueTicks(low, high, 6);
    return { low, high, ticks, left: 14 + LETTER * Math.max(3, ...ticks.map(([, label]) => label.length)) };
  }

  #draw() {
    const [from, to] = this.#range;
    const width = Math.max(240, this.#svg.clientWidth);
    const height = window.innerWidth <= 640 ? NARROW_HEIGHT : HEIGHT;
    const { low, high, ticks, left } = this.#layOut(width);
    const scale = scaleOf({ from, to, low, high, left, width, height });
    this.#scale = scale;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.setAttribute("aria-label", this.#label());
    const curves = this.#marks(scale.right - left).map((marks, i) => curve(marks, i, scale));
    fill(this.#svg, yAxis(ticks, scale), xAxis(from, to, scale), curves, s("g", { class: "reading" }));
    this.#read(null);
  }

  #label() {
    const [from, to] = this.#range.map((at) => momentText(at, this.#xType));
    return `Line chart of ${visible(this.#names.join(", "))} from ${from} to ${to}. Left and right arrows read values, + and - zoom.`;
  }

  // --- values ---

  #nearest(at) {
    const points = this.#points;
    let low = 0;
    let high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle].x < at) low = middle + 1;
      else high = middle;
    }
    return low > 0 && at - points[low - 1].x < points[low].x - at ? low - 1 : low;
  }

  #read(index) {
    const point = index === null ? null : this.#points[index];
    const value = (i) => (Number.isNaN(point.values[i]) ? "NULL" : number(point.values[i]));
    const items = this.#names.map((name, i) => h("span", swatch(i), name, point && [": ", h("strong", value(i))]));
    fill(this.#legend, items, h("span", { class: "moment" }, point ? momentText(point.x, this.#xType) : ""));
    const group = this.#svg.querySelector(".reading");
    if (group) fill(group, point && this.#dots(point));
  }

  #dots({ x: at, values }) {
    const { x, y, bottom } = this.#scale;
    const dots = values.map(
      (value, i) => !Number.isNaN(value) && s("circle", { class: `line-${i + 1}`, cx: x(at), cy: y(value), r: 3.5 }),
    );
    return [s("line", { class: "cursor", x1: x(at), x2: x(at), y1: MARGIN.top, y2: bottom }), dots];
  }

  // --- the pointer ---

  #listen() {
    const on = (name, act) => this.#svg.addEventListener(name, (event) => this.#points.length > 0 && act(event));
    on("pointerdown", (event) => this.#press(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#release(event));
    on("pointercancel", () => this.#forgetDrag());
    on("pointerleave", () => this.#read(null));
    on("keydown", (event) => this.#key(event));
  }

  #pixel(event) {
    const box = this.#svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * this.#scale.width;
    return Math.min(this.#scale.right, Math.max(this.#scale.left, at));
  }

  #press(event) {
    this.#dragged = this.#pixel(event);
    this.#svg.setPointerCapture(event.pointerId);
  }

  #move(event) {
    if (this.#dragged !== null) return this.#mark(this.#dragged, this.#pixel(event));
    this.#cursor = this.#nearest(this.#scale.back(this.#pixel(event)));
    this.#read(this.#cursor);
  }

  #release(event) {
    if (this.#dragged === null) return;
    const [from, to] = [this.#dragged, this.#pixel(event)].sort((a, b) => a - b);
    this.#forgetDrag();
    if (to - from > LEAST_DRAG) this.#onZoom(this.#scale.back(from), this.#scale.back(to));
  }

  #mark(from, to) {
    const { bottom } = this.#scale;
    this.#svg.querySelector(".chosen")?.remove();
    this.#svg.append(
      s("rect", {
        class: "chosen",
        x: Math.min(from, to),
        y: MARGIN.top,
        width: Math.abs(to - from),
        height: bottom - MARGIN.top,
      }),
    );
  }

  #forgetDrag() {
    this.#dragged = null;
    this.#svg.querySelector(".chosen")?.remove();
  }

  // --- the keys ---

  #key(event) {
    const [low, high] = this.#range.map((at) => this.#nearest(at));
    const steps = {
      ArrowLeft: () => Math.max(low, (this.#cursor ?? low) - 1),
      ArrowRight: () => Math.min(high, (this.#cursor ?? low - 1) + 1),
      Home: () => low,
      End: () => high,
    };
    if (event.key === "+" || event.key === "-") return this.#zoomBy(event.key === "+" ? 0.5 : 2);
    if (!steps[event.key]) return;
    event.preventDefault();
    this.#cursor = steps[event.key]();
    this.#read(this.#cursor);
    announce(this.#legend.textContent);
  }

  #zoomBy(factor) {
    const [from, to] = this.#range;
    const middle = this.#cursor === null ? (from + to) / 2 : this.#points[this.#cursor].x;
    const half = ((to - from) * factor) / 2;
    this.#onZoom(middle - half, middle + half);
  }
}
