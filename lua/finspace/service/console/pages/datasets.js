// All datasets: found by a word, with their rows and their last load, and made anew.

import { all, call, pages } from "../api.js";
import { form, open, problem } from "../dialog.js";
import { announce, button, choice, empty, field, fill, h, table, waiting } from "../dom.js";
import { count, plural, time } from "../format.js";
import { totals } from "../summary.js";

const SHOWN_AT_FIRST = 50;
const AT_ONCE = 4;

const searchText = (dataset) => {
  const { name, email } = dataset.ownerInfo ?? {};
  const parts = [dataset.datasetTitle, dataset.alias, dataset.datasetId, dataset.datasetDescription, name, email];
  return parts.filter(Boolean).join("\n").toLowerCase();
};

const owner = ({ ownerInfo }) => ownerInfo?.name ?? ownerInfo?.email ?? "–";

// --- rows and last load, asked for as rows come into sight -----------------------------------------

// A few questions at a time; one that is no longer wanted is not asked.
function queue(signal) {
  const wanted = [];
  let running = 0;
  const next = async () => {
    if (running === AT_ONCE || wanted.length === 0 || signal.aborted) return;
    running += 1;
    await wanted.shift()();
    running -= 1;
    next();
  };
  return (work) => {
    wanted.push(work);
    next();
  };
}

async function fillFigures(dataset, rowsCell, loadCell) {
  try {
    dataset.figures ??= totals(await all("ListChangesets", { datasetId: dataset.datasetId }));
    fill(rowsCell, count(dataset.figures.rows));
    fill(loadCell, dataset.figures.lastLoad ? time(dataset.figures.lastLoad) : "never");
  } catch (error) {
    fill(rowsCell, "?").title = error.message;
    fill(loadCell, "?").title = error.message;
  }
}

function watcher(signal) {
  const add = queue(signal);
  const works = new WeakMap();
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      observer.unobserve(entry.target);
      add(works.get(entry.target));
    }
  });
  signal.addEventListener("abort", () => observer.disconnect());
  return (row, work) => {
    works.set(row, work);
    observer.observe(row);
  };
}

function datasetRow(dataset, watch) {
  const rows = h("td", { class: "number", "data-label": "Rows" }, "…");
  const load = h("td", { "data-label": "Last load" }, "…");
  const link = h("a", { href: `#/datasets/${dataset.datasetId}` }, dataset.datasetTitle);
  const row = h(
    "tr",
    h("th", { scope: "row" }, link),
    h("td", { "data-label": "Alias", class: dataset.alias ? "code" : "none" }, dataset.alias ?? "–"),
    h("td", { "data-label": "Owner" }, owner(dataset)),
    rows,
    load,
  );
  watch(row, () => fillFigures(dataset, rows, load));
  return row;
}

// --- the list --------------------------------------------------------------------------------------

const HEADS = ["Title", "Alias", "Owner", { label: "Rows", props: { class: "number" } }, "Last load"];

function list(place, { found, total, isWhole, watch }) {
  const rows = found.map((dataset) => (dataset.row ??= datasetRow(dataset, watch)));
  let shown = SHOWN_AT_FIRST;
  const body = h("tbody");
  const more = button("Show more", () => {
    shown += SHOWN_AT_FIRST;
    update();
  });
  const update = () => {
    body.replaceChildren(...rows.slice(0, shown));
    more.hidden = shown >= rows.length;
  };
  update();
  const grid = table("Datasets", HEADS, [], { class: "list stacking" });
  grid.tBodies[0].replaceWith(body);
  const words =
    found.length === total ? plural(total, "dataset") : `${count(found.length)} of ${plural(total, "dataset")}`;
  fill(place, h("p", { class: "tally", role: "status" }, words, isWhole ? "" : ", more are coming"), grid, more);
}

function nothing(place, total, word) {
  if (total > 0) return fill(place, empty(`No dataset has “${word}” in its title, alias, id, owner or description.`));
  const text = "A dataset holds a table's data, loaded as changesets. Make the first, then drop a file on it.";
  return fill(
    place,
    empty("There are no datasets yet.", h("p", text), button("Create dataset", create, { kind: "primary" })),
  );
}

/** Shows the screen. */
export async function show(main, _, { isShown, signal }) {
  const datasets = [];
  const place = h("div", { class: "list-place" }, waiting("Loading datasets"));
  const search = h("input", {
    type: "search",
    placeholder: "Title, alias, owner, id",
    "aria-label": "Search datasets",
    oninput: update,
  });
  const watch = watcher(signal);
  let isWhole = false;
  fill(
    main,
    h("div", { class: "head" }, h("h1", "Datasets"), search, button("Create dataset", create, { kind: "primary" })),
    place,
  );
  function update() {
    const word = search.value.trim().toLowerCase();
    const found = datasets.filter((dataset) => dataset.text.includes(word));
    if (found.length === 0 && isWhole) return nothing(place, datasets.length, search.value.trim());
    if (found.length === 0) return fill(place, waiting("Searching"));
    list(place, { found, total: datasets.length, isWhole, watch });
  }
  try {
    for await (const page of pages("ListDatasets")) {
      if (!isShown()) return;
      for (const dataset of page) datasets.push(Object.assign(dataset, { text: searchText(dataset) }));
      datasets.sort((a, b) => b.createTime - a.createTime);
      update();
    }
    isWhole = true;
    update();
  } catch (error) {
    fill(
      place,
      problem(error, () => show(main, _, { isShown, signal })),
    );
  }
}

// --- making one ------------------------------------------------------------------------------------

const PERMISSIONS = [
  ["ViewDatasetDetails", "See it in lists, and its details"],
  ["ReadDatasetData", "Read its data"],
  ["AddDatasetData", "Load data"],
  ["CreateDataView", "Create views"],
];

const textInput = (props) => h("input", { type: "text", autocomplete: "off", ...props });

function controls() {
  return {
    title: textInput({ required: true, maxlength: 255, "data-rule": "give it a title of 1 to 255 characters" }),
    alias: textInput({
      maxlength: 249,
      pattern: "\\S+",
      placeholder: "prices-daily",
      "data-rule": "an alias has no blanks",
    }),
    description: h("textarea", { rows: 2, maxlength: 1000 }),
    ownerName: textInput({ maxlength: 250 }),
    ownerEmail: h("input", { type: "email", autocomplete: "off", maxlength: 320 }),
    group: choice([["", "Nobody but me"]], ""),
  };
}

// Whoever may not see groups shares through somebody who may.
async function fillGroups(select) {
  try {
    const groups = await all("ListPermissionGroups");
    for (const group of groups) select.append(h("option", { value: group.permissionGroupId }, group.name));
  } catch {
    select.disabled = true;
  }
}

function given({ title, alias, description, ownerName, ownerEmail, group }) {
  const owner = { name: ownerName.value.trim() || undefined, email: ownerEmail.value.trim() || undefined };
  const shared = {
    permissionGroupId: group.value,
    datasetPermissions: PERMISSIONS.map(([permission]) => ({ permission })),
  };
  return {
    datasetTitle: title.value.trim(),
    kind: "TABULAR",
    datasetDescription: description.value.trim() || undefined,
    alias: alias.value ? `alias/${alias.value.replace(/^alias\//, "")}` : undefined,
    ownerInfo: owner.name || owner.email ? owner : undefined,
    permissionGroupParams: group.value ? shared : {},
  };
}

function create() {
  const dialog = open("Create dataset");
  const inputs = controls();
  fillGroups(inputs.group);
  const submit = async () => {
    const { datasetId } = await call("CreateDataset", given(inputs));
    dialog.close();
    announce("Dataset created");
    location.hash = `#/datasets/${datasetId}/load`;
  };
  const fields = [
    field("Title", inputs.title),
    field("Alias", inputs.alias, "A name that programs can use in place of the id: alias/…"),
    field("Description", inputs.description),
    h("div", { class: "pair" }, field("Owner's name", inputs.ownerName), field("Owner's e-mail", inputs.ownerEmail)),
    field("Share with group", inputs.group, "Its members may see it, read it, load data and create views."),
    h("p", { class: "hint" }, "The schema follows from the first file that you load."),
  ];
  fill(dialog.body, form(fields, "Create dataset", submit));
}
