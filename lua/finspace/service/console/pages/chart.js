// A dataset's numbers over its dates or times.

import { all, call } from "../api.js";
import { lineChart, momentText } from "../chart.js";
import { isReadable, openView, placesOf, readPoints } from "../data_reader.js";
import { form, problem } from "../dialog.js";
import { button, check, choice, empty, field, fill, h, waiting } from "../dom.js";
import { count } from "../format.js";
import * as summary from "../summary.js";
import { columnsOf } from "./columns.js";

const MOST_LINES = 4;
const TIMES = new Set(["DATE", "DATETIME"]);
const NUMBERS = new Set(["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"]);
const ASKED_EVERY = 700;

// --- the view that is drawn from -------------------------------------------------------------------

const isSortedBy = (view, name) => view.sortColumns?.[0] === name && !view.partitionColumns?.length;

// Best one that follows later changesets and is sorted by the axis; then one of the two; then any.
function worth(view, name) {
  return (view.autoUpdate ? 2 : 0) + (isSortedBy(view, name) ? 1 : 0) + (view.asOfTimestamp ?? 0) / 1e16;
}

async function findView(dataset, name) {
  const views = (await all("ListDataViews", { datasetId: dataset.datasetId })).filter(isReadable);
  return views.sort((a, b) => worth(b, name) - worth(a, name))[0] ?? null;
}

async function makeView(dataset, name, isShown) {
  const { datasetId } = dataset;
  const { dataViewId } = await call("CreateDataView", {
    datasetId,
    autoUpdate: true,
    sortColumns: [name],
    destinationTypeParams: {
      destinationType: "S3",
      s3DestinationExportFileFormat: "DELIMITED_TEXT",
      s3DestinationExportFileFormatOptions: { header: "true", delimiter: "," },
    },
  });
  while (isShown()) {
    const view = await call("GetDataView", { datasetId, dataViewId });
    if (view.status === "SUCCESS") return view;
    if (["FAILED", "CANCELLED", "TIMEOUT"].includes(view.status)) throw Object.assign(new Error(view.errorInfo?.errorMessage ?? "The view failed."), { code: "ViewFailed", advice: "Look at it under Views." });
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY));
  }
  return null;
}

// --- drawing ---------------------------------------------------------------------------------------

function source(view, { isWhole, points }) {
  const rows = isWhole ? `${count(points.length)} points` : `${count(points.length)} points, read from evenly spread places of a larger view: zoom in for more`;
  return view.autoUpdate ? rows : `${rows}. As of ${momentText(view.asOfTimestamp, "DATETIME")} UTC, when the view was made`;
}

// Reads, draws, and reads again with more detail where somebody zooms into what was only sampled.
async function draw(place, view, { x, series }, { signal, isShown }) {
  const status = h("span", { class: "hint", role: "status" });
  const back = button("Whole range", () => whole(), { kind: "small", hidden: true });
  const chart = lineChart(series, x.type, zoom);
  const sorted = isSortedBy(view, x.name);
  let base = null;
  let opened = null;
  const onProgress = (share) => (status.textContent = `Reading ${Math.round(share * 100)} %`);
  fill(place, chart.element, h("div", { class: "chart-foot" }, status, back));

  async function read(from, to) {
    opened ??= await openView(view);
    return readPoints(view, opened, { x, series, from, to, signal, onProgress });
  }

  function present(found, range) {
    if (!isShown()) return;
    chart.show(found.points, range);
    status.textContent = source(view, found);
  }

  function whole() {
    back.hidden = true;
    if (base.points.length === 0) return fill(place, empty("No row has a value in this column."));
    present(base, [base.points[0].x, base.points.at(-1).x]);
  }

  async function zoom(from, to) {
    const range = [Math.max(from, base.points[0].x), Math.min(to, base.points.at(-1).x)];
    if (range[0] <= base.points[0].x && range[1] >= base.points.at(-1).x) return whole();
    back.hidden = false;
    present(base, range);
    if (base.isWhole || !sorted) return;
    const places = placesOf(base.points, range[0], range[1], opened.size);
    const finer = await read(places.from, places.to);
    if (!back.hidden) present(finer, range);
  }

  status.textContent = "Reading";
  base = await read();
  whole();
}

// --- choosing --------------------------------------------------------------------------------------

function choose(columns, onChange) {
  const times = columns.filter(({ type }) => TIMES.has(type));
  const numbers = columns.filter(({ type }) => NUMBERS.has(type));
  const axis = choice(times.map(({ name }) => [name, name]), times[0].name, { onchange: changed });
  const first = numbers.find(({ name }) => /close|price|value|amount/i.test(name)) ?? numbers[0];
  const boxes = numbers.map(({ name }) => check(name, { checked: name === first.name, value: name, onchange: changed }));
  const chosen = () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
  function changed() {
    const isFull = chosen().length >= MOST_LINES;
    for (const { box } of boxes) box.disabled = isFull && !box.checked;
    onChange();
  }
  const element = h("div", { class: "chart-controls" }, field("Over", axis), h("fieldset", h("legend", `Columns (up to ${MOST_LINES})`), h("div", { class: "checks" }, boxes)));
  return { element, read: () => ({ x: times.find(({ name }) => name === axis.value), series: chosen() }) };
}

function offer(place, name, make) {
  const text = `The chart reads a text view that is sorted by ${name} and follows later changesets. This dataset has none that fits: create it?`;
  fill(place, h("div", { class: "card" }, form(h("p", text), "Create the view and draw", make)));
}

/** Shows the tab. */
export async function show(place, context) {
  const { dataset, changesets, isShown } = context;
  const columns = await columnsOf(dataset, changesets);
  if (!isShown()) return;
  const hasTime = columns.some(({ type }) => TIMES.has(type));
  const hasNumber = columns.some(({ type }) => NUMBERS.has(type));
  if (!hasTime || !hasNumber) return fill(place, empty("There is nothing to draw.", h("p", "A chart needs a column of type DATE or DATETIME, and one with numbers, in the dataset's schema.")));
  if (!changesets.some(summary.isActive)) return fill(place, empty("There is nothing to draw yet.", h("p", "Load data first.")));
  const picture = h("div");
  const controls = choose(columns, update);
  fill(place, controls.element, picture);
  let turn = 0;
  let madeView = null;

  async function update() {
    const mine = ++turn;
    const wanted = controls.read();
    const still = () => isShown() && mine === turn;
    if (wanted.series.length === 0) return fill(picture, empty("Choose a column."));
    if (!picture.querySelector(".chart")) fill(picture, waiting("Looking for a view"));
    try {
      const view = madeView ?? (await findView(dataset, wanted.x.name));
      if (!still()) return;
      if (!view) return offer(picture, wanted.x.name, make);
      await draw(picture, view, wanted, { ...context, isShown: still });
    } catch (error) {
      if (still()) fill(picture, problem(error, update));
    }
  }

  async function make() {
    madeView = await makeView(dataset, controls.read().x.name, isShown);
    await update();
  }

  await update();
}
