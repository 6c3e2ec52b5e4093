// One dataset: its head, and the tab that is looked at.

import { all, call } from "../api.js";
import { confirm, form, open, problem } from "../dialog.js";
import { announce, button, copyButton, field, fill, h, waiting } from "../dom.js";
import { plural, time } from "../format.js";
import { totals } from "../summary.js";

const TABS = [
  ["columns", "Columns", () => import("./columns.js")],
  ["rows", "Rows", () => import("./rows.js")],
  ["chart", "Chart", () => import("./chart.js")],
  ["changesets", "Changesets", () => import("./changesets.js")],
  ["views", "Views", () => import("./views.js")],
  ["load", "Load", () => import("./load.js")],
];

/** The columns that a dataset's schema names. @returns [{name, type, isKey}] */
export function schemaColumns(dataset) {
  const { columns = [], primaryKeyColumns = [] } = dataset.schemaDefinition?.tabularSchemaConfig ?? {};
  return columns.map(({ columnName, dataType }) => ({
    name: columnName,
    type: dataType,
    isKey: primaryKeyColumns.includes(columnName),
  }));
}

function facts(dataset, changesets) {
  const { rows, lastLoad } = totals(changesets);
  const parts = [
    h("span", plural(rows, "row")),
    h("span", lastLoad ? `loaded ${time(lastLoad)}` : "nothing loaded yet"),
    dataset.alias && h("span", { class: "code" }, dataset.alias),
    h("span", { class: "code" }, dataset.datasetId, " ", copyButton(dataset.datasetId, "Dataset id")),
  ];
  return h("p", { class: "facts-line" }, parts);
}

function tabs(dataset, chosen) {
  const links = TABS.map(([name, label]) =>
    h(
      "a",
      {
        href: `#/datasets/${encodeURIComponent(dataset.datasetId)}/${name}`,
        "aria-current": name === chosen ? "page" : null,
      },
      label,
    ),
  );
  return h("nav", { class: "tabs", "aria-label": "Dataset" }, links);
}

function edit(dataset, reload) {
  const dialog = open("Edit dataset");
  const title = h("input", {
    type: "text",
    required: true,
    maxlength: 255,
    value: dataset.datasetTitle,
    "data-rule": "give it a title of 1 to 255 characters",
  });
  const alias = h("input", {
    type: "text",
    value: dataset.alias ?? "",
    pattern: "alias/\\S+",
    "data-rule": "write it as alias/name, without blanks",
  });
  const description = h("textarea", { rows: 3, maxlength: 1000 }, dataset.datasetDescription ?? "");
  const submit = async () => {
    const { datasetId, kind } = dataset;
    const changed = {
      datasetTitle: title.value.trim(),
      alias: alias.value || undefined,
      datasetDescription: description.value,
    };
    await call("UpdateDataset", { datasetId, kind, ...changed });
    dialog.close();
    announce("Dataset changed");
    reload();
  };
  const fields = [field("Title", title), field("Alias", alias), field("Description", description)];
  const remove = button(
    "Delete dataset…",
    () => {
      dialog.close();
      askToDelete(dataset);
    },
    { kind: "quiet danger" },
  );
  fill(dialog.body, form(fields, "Save", submit, { extra: remove }));
}

async function askToDelete({ datasetId, datasetTitle }) {
  const text = `“${datasetTitle}”, its changesets and its views are deleted for everybody. This cannot be undone.`;
  if (await confirm("Delete dataset", text, "Delete", () => call("DeleteDataset", { datasetId })))
    location.hash = "#/datasets";
}

function head(dataset, changesets, reload) {
  return [
    h("p", { class: "crumb" }, h("a", { href: "#/datasets" }, "Datasets")),
    h(
      "div",
      { class: "head" },
      h("h1", dataset.datasetTitle),
      button("Edit", () => edit(dataset, reload)),
    ),
    dataset.datasetDescription && h("p", { class: "description" }, dataset.datasetDescription),
    facts(dataset, changesets),
  ];
}

async function fetchAll(datasetId) {
  const [dataset, changesets] = await Promise.all([
    call("GetDataset", { datasetId }),
    all("ListChangesets", { datasetId }),
  ]);
  return { dataset, changesets };
}

/** Shows the screen. */
export async function show(main, parts, screen) {
  const [datasetId, wanted] = parts;
  const tab = TABS.find(([name]) => name === wanted) ?? TABS[0];
  const reload = () => screen.isShown() && show(main, parts, screen);
  const [found, page] = await Promise.all([fetchAll(datasetId), tab[2]()]);
  if (!screen.isShown()) return;
  const top = h("div", head(found.dataset, found.changesets, reload));
  const place = h("section", { class: "tab", "aria-label": tab[1] }, waiting("Loading"));
  const bar = tabs(found.dataset, tab[0]);
  fill(main, top, bar, place);
  bar.querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "center" });
  const refreshHead = async () => {
    const { dataset, changesets } = await fetchAll(datasetId);
    if (screen.isShown()) fill(top, head(dataset, changesets, reload));
  };
  try {
    await page.show(place, { ...found, ...screen, reload, refreshHead });
  } catch (error) {
    if (screen.isShown()) fill(place, problem(error, reload));
  }
}
