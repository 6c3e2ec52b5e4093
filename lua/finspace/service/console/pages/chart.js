// A dataset's numbers over its dates or times.

import { all, call } from "../api.js";
import { momentText } from "../axis.js";
import { LineChart } from "../chart.js";
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
    if (["FAILED", "CANCELLED", "TIMEOUT"].includes(view.status))
      throw Object.assign(new Error(view.errorInfo?.errorMessage ?? "The view failed."), {
        code: "ViewFailed",
        advice: "Look at it under Views.",
      });
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY));
  }
  return null;
}

// --- drawing ---------------------------------------------------------------------------------------

function source(view, { isWhole, points }) {
  const rows = isWhole
    ? `${count(points.length)} points`
    : `${count(points.length)} points, read from evenly spread places of a larger view: zoom in for more`;
  return view.autoUpdate
    ? rows
    : `${rows}. As of ${momentText(view.asOfTimestamp, "DATETIME")} UTC, when the view was made`;
}

// One picture: it reads, draws, and reads again with more detail where somebody zooms into what was
// only sampled.
class Picture {
  constructor(view, { x, series }, { signal, isShown }) {
    Object.assign(this, { view, x, series, signal, isShown });
    this.chart = new LineChart(series, x.type, (from, to) => this.zoom(from, to));
    this.status = h("span", { class: "hint", role: "status" }, "Reading");
    this.back = button("Whole range", () => this.whole(), { kind: "small", hidden: true });
    this.foot = h("div", { class: "chart-foot" }, this.status, this.back);
  }

  async draw(place) {
    fill(place, this.chart.element, this.foot);
    this.opened = await openView(this.view);
    this.base = await this.read();
    if (!this.isShown()) return;
    if (this.base.points.length > 0) this.whole();
    else fill(place, empty("No row has a value in this column."));
  }

  read(from, to) {
    const { x, series, signal } = this;
    const onProgress = (share) => (this.status.textContent = `Reading ${Math.round(share * 100)} %`);
    return readPoints(this.view, this.opened, { x, series, from, to, signal, onProgress });
  }

  present(found, range) {
    if (!this.isShown()) return;
    this.chart.show(found.points, range);
    this.status.textContent = source(this.view, found);
  }

  ends() {
    return [this.base.points[0].x, this.base.points.at(-1).x];
  }

  whole() {
    this.range = null;
    this.back.hidden = true;
    this.present(this.base, this.ends());
  }

  async zoom(from, to) {
    const [first, last] = this.ends();
    if (from <= first && to >= last) return this.whole();
    this.range = [Math.max(from, first), Math.min(to, last)];
    this.back.hidden = false;
    this.present(this.base, this.range);
    if (!this.base.isWhole && isSortedBy(this.view, this.x.name)) await this.refine(this.range);
  }

  // A range that is no longer looked at when its points have come shows nothing.
  async refine(range) {
    const places = placesOf(this.base.points, ...range, this.opened.size);
    try {
      const finer = await this.read(places.from, places.to);
      if (this.range === range) this.present(finer, range);
    } catch (error) {
      this.status.textContent = `${error.message} What is drawn is a part of the points.`;
    }
  }
}

// --- choosing --------------------------------------------------------------------------------------

function choose(columns, onChange) {
  const times = columns.filter(({ type }) => TIMES.has(type));
  const numbers = columns.filter(({ type }) => NUMBERS.has(type));
  const axis = choice(
    times.map(({ name }) => [name, name]),
    times[0].name,
    { onchange: changed },
  );
  const first = numbers.find(({ name }) => /close|price|value|amount/i.test(name)) ?? numbers[0];
  const boxes = numbers.map(({ name }) =>
    check(name, { checked: name === first.name, value: name, onchange: changed }),
  );
  const chosen = () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
  function changed() {
    const isFull = chosen().length >= MOST_LINES;
    for (const { box } of boxes) box.disabled = isFull && !box.checked;
    onChange();
  }
  const element = h(
    "div",
    { class: "chart-controls" },
    field("Over", axis),
    h("fieldset", h("legend", `Columns (up to ${MOST_LINES})`), h("div", { class: "checks" }, boxes)),
  );
  return { element, read: () => ({ x: times.find(({ name }) => name === axis.value), series: chosen() }) };
}

function offer(place, name, make) {
  const text = `The chart reads a text view that is sorted by ${name} and follows later changesets. This dataset has none that fits: create it?`;
  fill(place, h("div", { class: "card" }, form(h("p", text), "Create the view and draw", make)));
}

function nothing(columns, changesets) {
  const has = (types) => columns.some(({ type }) => types.has(type));
  if (!has(TIMES) || !has(NUMBERS))
    return empty(
      "There is nothing to draw.",
      h("p", "A chart needs a column of type DATE or DATETIME, and one with numbers, in the dataset's schema."),
    );
  if (!changesets.some(summary.isActive)) return empty("There is nothing to draw yet.", h("p", "Load data first."));
  return null;
}

// What was chosen, and the picture of it.
class Board {
  constructor(columns, context) {
    this.context = context;
    this.controls = choose(columns, () => this.update());
    this.place = h("div");
    this.turn = 0; // a picture that is no longer wanted shows nothing any more
    this.made = null; // the view that was made here
  }

  async update() {
    const mine = ++this.turn;
    const isShown = () => this.context.isShown() && mine === this.turn;
    const wanted = this.controls.read();
    if (wanted.series.length === 0) return fill(this.place, empty("Choose a column."));
    if (!this.place.querySelector(".chart")) fill(this.place, waiting("Looking for a view"));
    try {
      await this.draw(wanted, isShown);
    } catch (error) {
      if (isShown())
        fill(
          this.place,
          problem(error, () => this.update()),
        );
    }
  }

  async draw(wanted, isShown) {
    const view = this.made ?? (await findView(this.context.dataset, wanted.x.name));
    if (!isShown()) return;
    if (view) await new Picture(view, wanted, { ...this.context, isShown }).draw(this.place);
    else offer(this.place, wanted.x.name, () => this.make(wanted.x.name));
  }

  async make(name) {
    this.made = await makeView(this.context.dataset, name, this.context.isShown);
    await this.update();
  }
}

/** Shows the tab. */
export async function show(place, context) {
  const { dataset, changesets, isShown } = context;
  const columns = await columnsOf(dataset, changesets);
  if (!isShown()) return;
  const reason = nothing(columns, changesets);
  if (reason) return fill(place, reason);
  const board = new Board(columns, context);
  fill(place, board.controls.element, board.place);
  await board.update();
}
