// A line chart in SVG: thinned to the width, zoomed by dragging, read under the pointer.

import { fill, h, s, visible } from "./dom.js";
import { number } from "./format.js";

const MARGIN = { top: 12, right: 12, bottom: 26 };
const LETTER = 6.6; // the width of a digit in the axis labels
const HEIGHT = 340;
const NARROW_HEIGHT = 280;
const DAY = 86400_000;

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

// --- scales ----------------------------------------------------------------------------------------

function steps(from, to, count) {
  const raw = (to - from) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at <= to + step / 1e6; at += step) ticks.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return ticks;
}

const TIME_STEPS = [1000, 5000, 15000, 60_000, 300_000, 900_000, 3600_000, 3 * 3600_000, 6 * 3600_000, 12 * 3600_000, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

function monthTicks(from, to, count) {
  const months = (to - from) / (30.44 * DAY);
  const step = MONTH_STEPS.find((size) => months / size <= count) ?? 1200;
  const start = new Date(from);
  const ticks = [];
  let month = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth()) / step) * step;
  for (; ; month += step) {
    const at = new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    if (at > to) return ticks;
    if (at >= from) ticks.push(at);
  }
}

function timeTicks(from, to, count) {
  const step = TIME_STEPS.find((size) => (to - from) / size <= count);
  if (!step) return monthTicks(from, to, count);
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return ticks;
}

function timeLabel(at, span) {
  const text = new Date(at).toISOString();
  if (span > 900 * DAY && text.slice(5, 10) === "01-01") return text.slice(0, 4);
  if (span > 90 * DAY) return text.slice(0, 7);
  if (span > 3 * DAY) return text.slice(0, 10);
  return span > 600_000 ? text.slice(5, 16).replace("T", " ") : text.slice(11, 19);
}

/** A moment of the x axis, whole. */
export function momentText(at, type) {
  const text = new Date(at).toISOString();
  return type === "DATE" ? text.slice(0, 10) : text.replace("T", " ").replace(/\.000Z$|Z$/, "");
}

function extent(values) {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? [least, most] : [0, 1];
}

function padded([least, most]) {
  const room = (most - least) * 0.05 || Math.abs(most) * 0.05 || 1;
  return [least - room, most + room];
}

// --- drawing ---------------------------------------------------------------------------------------

const path = (marks, x, y) => marks.map((mark, i) => `${i === 0 ? "M" : "L"}${x(mark.x).toFixed(1)} ${y(mark.y).toFixed(1)}`).join("");

const sample = (i) => s("svg", { viewBox: "0 0 16 8", "aria-hidden": "true" }, s("line", { x1: 0, x2: 16, y1: 4, y2: 4, class: `line-${i + 1}` }));

/**
 * A chart that keeps itself up to date with its width.
 * @param names of the series
 * @param xType DATE or DATETIME
 * @param onZoom(from, to) called when somebody has chosen a part of the axis
 * @returns {element, show(points, range), reset}
 */
export function lineChart(names, xType, onZoom) {
  const svg = s("svg", { role: "img", tabindex: 0 });
  const legend = h("div", { class: "legend" });
  const element = h("div", { class: "chart" }, legend, svg);
  let state = { points: [], range: [0, 1] };
  let scale = null;

  function measure() {
    const width = Math.max(240, svg.clientWidth);
    return { width, height: window.innerWidth <= 640 ? NARROW_HEIGHT : HEIGHT };
  }

  // The values' labels decide where the lines begin, and the lines which values are labelled.
  function layOut([from, to], width) {
    const values = names.flatMap((_, i) => thin(state.points, i, from, to, width).map(({ y }) => y));
    const [low, high] = padded(extent(values));
    const ticks = steps(low, high, 6).map((at) => [at, number(Number(at.toPrecision(12)))]);
    const left = 14 + LETTER * Math.max(...ticks.map(([, label]) => label.length), 3);
    return { low, high, ticks, left, inner: width - left - MARGIN.right };
  }

  function draw() {
    const { width, height } = measure();
    const [from, to] = state.range;
    const { low, high, ticks, left, inner } = layOut(state.range, width);
    const lines = names.map((_, i) => thin(state.points, i, from, to, inner));
    const x = (value) => left + ((value - from) / (to - from || 1)) * inner;
    const y = (value) => height - MARGIN.bottom - ((value - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
    scale = { x, y, left, height, width, back: (pixel) => from + ((pixel - left) / inner) * (to - from) };
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-label", `Line chart of ${visible(names.join(", "))} from ${momentText(from, xType)} to ${momentText(to, xType)}. Left and right arrows read values.`);
    const curves = lines.map((marks, i) => s("path", { class: `curve line-${i + 1}`, d: path(marks, x, y), "data-points": marks.length }));
    fill(svg, yAxis(ticks), xAxis(from, to), curves, s("g", { class: "reading" }));
    read(null);
  }

  function yAxis(ticks) {
    const { y, left, width } = scale;
    return ticks.map(([at, label]) => [
      s("line", { class: "rule", x1: left, x2: width - MARGIN.right, y1: y(at), y2: y(at) }),
      s("text", { x: left - 8, y: y(at) + 4, "text-anchor": "end" }, label),
    ]);
  }

  function xAxis(from, to) {
    const { x, left, width, height } = scale;
    const anchor = (at) => (at > width - 40 ? "end" : at < left + 24 ? "start" : "middle");
    return timeTicks(from, to, Math.max(2, Math.floor(width / 84))).map((at) =>
      s("text", { x: x(at), y: height - 8, "text-anchor": anchor(x(at)) }, timeLabel(at, to - from)),
    );
  }

  // --- values under the pointer ---

  function nearest(at) {
    const { points } = state;
    let low = 0;
    let high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle].x < at) low = middle + 1;
      else high = middle;
    }
    return low > 0 && at - points[low - 1].x < points[low].x - at ? low - 1 : low;
  }

  function read(index) {
    const point = index === null ? null : state.points[index];
    const items = names.map((name, i) => h("span", sample(i), name, point && [": ", h("strong", Number.isNaN(point.values[i]) ? "NULL" : number(point.values[i]))]));
    fill(legend, items, h("span", { class: "moment" }, point ? momentText(point.x, xType) : ""));
    const group = svg.querySelector(".reading");
    if (!group) return;
    if (!point) return fill(group);
    const dots = point.values.map((value, i) => !Number.isNaN(value) && s("circle", { class: `line-${i + 1}`, cx: scale.x(point.x), cy: scale.y(value), r: 3.5 }));
    fill(group, s("line", { class: "cursor", x1: scale.x(point.x), x2: scale.x(point.x), y1: MARGIN.top, y2: scale.height - MARGIN.bottom }), dots);
  }

  // --- the pointer and the keys ---

  let dragged = null;
  let cursor = null;
  const pixel = (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * scale.width;
    return Math.min(scale.width - MARGIN.right, Math.max(scale.left, at));
  };

  function mark(from, to) {
    svg.querySelector(".chosen")?.remove();
    if (from === null) return;
    svg.append(s("rect", { class: "chosen", x: Math.min(from, to), y: MARGIN.top, width: Math.abs(to - from), height: scale.height - MARGIN.top - MARGIN.bottom }));
  }

  svg.addEventListener("pointerdown", (event) => {
    if (state.points.length === 0) return;
    dragged = pixel(event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (state.points.length === 0) return;
    if (dragged !== null) return mark(dragged, pixel(event));
    cursor = nearest(scale.back(pixel(event)));
    read(cursor);
  });
  svg.addEventListener("pointerup", (event) => {
    if (dragged === null) return;
    const [from, to] = [dragged, pixel(event)].sort((a, b) => a - b);
    dragged = null;
    mark(null);
    if (to - from > 6) onZoom(scale.back(from), scale.back(to));
  });
  svg.addEventListener("pointercancel", () => {
    dragged = null;
    mark(null);
  });
  svg.addEventListener("pointerleave", () => read(null));

  function inSight() {
    return [nearest(state.range[0]), nearest(state.range[1])];
  }

  const KEYS = {
    ArrowLeft: (low) => Math.max(low, (cursor ?? low) - 1),
    ArrowRight: (low, high) => Math.min(high, (cursor ?? low - 1) + 1),
    Home: (low) => low,
    End: (_, high) => high,
  };
  svg.addEventListener("keydown", (event) => {
    if (state.points.length === 0) return;
    const [low, high] = inSight();
    if (KEYS[event.key]) {
      event.preventDefault();
      read((cursor = KEYS[event.key](low, high)));
    } else if (event.key === "+" || event.key === "-") zoomBy(event.key === "+" ? 0.5 : 2);
  });

  function zoomBy(factor) {
    const [from, to] = state.range;
    const middle = cursor === null ? (from + to) / 2 : state.points[cursor].x;
    const half = ((to - from) * factor) / 2;
    onZoom(middle - half, middle + half);
  }

  new ResizeObserver(draw).observe(element);
  return {
    element,
    show(points, range) {
      cursor = null;
      state = { points, range };
      draw();
    },
  };
}
