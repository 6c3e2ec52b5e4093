// A dataset's views: made, followed, downloaded.

import { all, call } from "../api.js";
import { openView } from "../data_reader.js";
import { form, open, problem } from "../dialog.js";
import { announce, badge, button, check, choice, empty, field, fill, h, statusBadge, table, waiting } from "../dom.js";
import { bytes, plural, time } from "../format.js";
import * as s3 from "../s3.js";
import { failure } from "./changesets.js";
import { columnsOf } from "./columns.js";

const ASKED_EVERY = 1000;
const AT_WORK = new Set(["PENDING", "STARTING", "RUNNING"]);

const paramsOf = (view) => view.destinationTypeParams ?? view.destinationTypeProperties ?? {};

// --- files -----------------------------------------------------------------------------------------

// The link holds keys of the view alone, for five minutes, and is made when it is wanted.
async function download(opened, file) {
  const url = await s3.link(opened.place, file.key, opened.keys);
  const link = h("a", { href: url, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}

function fileRow(opened, file) {
  const name = file.key.slice(opened.prefix.length);
  return h(
    "tr",
    h("th", { scope: "row", class: "code" }, name),
    h("td", { "data-label": "Size", class: "number" }, bytes(file.size)),
    h(
      "td",
      h(
        "div",
        { class: "row-actions" },
        button("Download", () => download(opened, file), { kind: "small", "aria-label": `Download ${name}` }),
      ),
    ),
  );
}

async function showFiles(place, view) {
  fill(place, waiting("Listing files"));
  try {
    const opened = await openView(view);
    const heads = [
      "File",
      { label: "Size", props: { class: "number" } },
      { label: "", props: { "aria-label": "Download" } },
    ];
    const rows = opened.files.map((file) => fileRow(opened, file));
    fill(
      place,
      h("p", { class: "tally" }, `${plural(rows.length, "file")}, ${bytes(opened.size)}`),
      table("Files", heads, rows, { class: "list stacking" }),
    );
  } catch (error) {
    fill(
      place,
      problem(error, () => showFiles(place, view)),
    );
  }
}

// --- one view --------------------------------------------------------------------------------------

function describe(view) {
  const { partitionColumns = [], sortColumns = [] } = view;
  const parts = [];
  if (partitionColumns.length > 0) parts.push(`partitioned by ${partitionColumns.join(", ")}`);
  if (sortColumns.length > 0) parts.push(`sorted by ${sortColumns.join(", ")}`);
  parts.push(view.autoUpdate ? "follows later changesets" : `as of ${time(view.asOfTimestamp)}`);
  return parts.join("; ");
}

function entry(view) {
  const { dataViewId, status, createTime } = view;
  const format = paramsOf(view).s3DestinationExportFileFormat ?? paramsOf(view).destinationType ?? "view";
  const files = h("div", { class: "files" });
  const toggle = button(
    "Files",
    () => {
      const isOpen = files.hasChildNodes();
      toggle.setAttribute("aria-expanded", String(!isOpen));
      return isOpen ? fill(files) : showFiles(files, view);
    },
    { kind: "small", "aria-expanded": "false", "aria-label": `Files of ${format} view ${dataViewId}` },
  );
  return h(
    "article",
    { class: "card view", "data-view": dataViewId },
    h(
      "div",
      { class: "view-head" },
      h("strong", format),
      statusBadge(status),
      view.autoUpdate && badge("auto-update"),
      h("time", time(createTime)),
    ),
    h("p", describe(view)),
    h("p", { class: "code id" }, dataViewId),
    view.errorInfo && failure(view),
    status === "SUCCESS" && h("div", { class: "row-actions" }, toggle),
    files,
  );
}

// --- making one ------------------------------------------------------------------------------------

const FORMATS = [
  ["DELIMITED_TEXT", "DELIMITED_TEXT: text, columns separated"],
  ["PARQUET", "PARQUET: for pandas, Spark, DuckDB"],
];

function columnChoice(legend, columns) {
  const boxes = columns.map(({ name }) => check(name, { value: name }));
  const order = [];
  for (const { box } of boxes) {
    box.addEventListener("change", () =>
      box.checked ? order.push(box.value) : order.splice(order.indexOf(box.value), 1),
    );
  }
  const element = h(
    "fieldset",
    h("legend", legend),
    h("div", { class: "checks" }, boxes),
    h("p", { class: "hint" }, "In the order in which you choose them."),
  );
  return { element, read: () => [...order] };
}

function named(label) {
  const input = h("input", { type: "text", autocomplete: "off" });
  const read = () =>
    input.value
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean);
  return { element: field(label, input, "Columns' names, separated by commas."), read };
}

async function create({ dataset, changesets, reload }) {
  const dialog = open("Create view");
  fill(dialog.body, waiting("Looking at the columns"));
  const columns = await columnsOf(dataset, changesets).catch(() => []);
  const ask = (label) => (columns.length > 0 ? columnChoice(label, columns) : named(label));
  const format = choice(FORMATS, "DELIMITED_TEXT");
  const partitions = ask("Partition by");
  const sorts = ask("Sort by");
  const auto = check("Follow later changesets (auto-update)", { checked: true });
  const submit = async () => {
    const isText = format.value === "DELIMITED_TEXT";
    await call("CreateDataView", {
      datasetId: dataset.datasetId,
      autoUpdate: auto.box.checked,
      partitionColumns: partitions.read(),
      sortColumns: sorts.read(),
      destinationTypeParams: {
        destinationType: "S3",
        s3DestinationExportFileFormat: format.value,
        ...(isText ? { s3DestinationExportFileFormatOptions: { header: "true", delimiter: "," } } : {}),
      },
    });
    dialog.close();
    announce("View created");
    reload();
  };
  if (dialog.element.isConnected)
    fill(dialog.body, form([field("Format", format), partitions.element, sorts.element, auto], "Create view", submit));
}

// --- all of them -----------------------------------------------------------------------------------

async function follow(views, entries, { dataset, isShown }) {
  const { datasetId } = dataset;
  while (isShown() && views.some(({ status }) => AT_WORK.has(status))) {
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY));
    for (const [i, view] of views.entries()) {
      if (!AT_WORK.has(view.status)) continue;
      views[i] = await call("GetDataView", { datasetId, dataViewId: view.dataViewId });
      if (views[i].status === view.status || !isShown()) continue;
      const fresh = entry(views[i]);
      entries[i].replaceWith(fresh);
      entries[i] = fresh;
      announce(`View is ${views[i].status}`);
    }
  }
}

/** Shows the tab. */
export async function show(place, context) {
  const views = (await all("ListDataViews", { datasetId: context.dataset.datasetId })).reverse();
  if (!context.isShown()) return;
  const make = button("Create view", () => create(context), { kind: "primary" });
  if (views.length === 0) {
    return fill(
      place,
      empty(
        "There are no views yet.",
        h("p", "A view is the dataset's rows as files: text or Parquet, partitioned and sorted as you like."),
        make,
      ),
    );
  }
  const entries = views.map(entry);
  fill(
    place,
    h(
      "div",
      { class: "head" },
      h("p", { class: "tally" }, plural(views.length, "view")),
      h("span", { class: "spread" }),
      make,
    ),
    h("div", { class: "steps" }, entries),
  );
  follow(views, entries, context).catch(() => {}); // what is shown stays true; the next look asks again
}
