// The first rows of a dataset.

import { empty, fill, h, table } from "../dom.js";
import { plural } from "../format.js";
import * as summary from "../summary.js";
import { known } from "./columns.js";

const NUMERIC = new Set(["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"]);

function cell(value, column) {
  if (value === null || value === undefined) return h("td", { class: "null" }, "NULL");
  return h("td", { class: NUMERIC.has(column.type) ? "number" : "" }, value);
}

const heads = (columns) =>
  columns.map(({ name, type }) => ({ label: name, props: { class: NUMERIC.has(type) ? "number" : "", title: type } }));

/** Shows the tab. */
export async function show(place, { dataset, changesets, isShown }) {
  const found = await known(changesets);
  if (!isShown()) return;
  const columns = summary.columns(found.summaries);
  const rows = summary.sample(
    found.summaries,
    columns.map(({ name }) => name),
  );
  if (found.refusal) return fill(place, empty(found.refusal));
  if (rows.length === 0) return fill(place, nothing(dataset, found));
  const { rows: total } = summary.totals(changesets);
  const body = rows.map((row) =>
    h(
      "tr",
      row.map((value, i) => cell(value, columns[i])),
    ),
  );
  const grid = table("First rows", heads(columns), body, { class: "grid" });
  fill(
    place,
    h(
      "p",
      { class: "tally" },
      rows.length < total ? `The first ${rows.length} of ${plural(total, "row")}` : plural(rows.length, "row"),
    ),
    h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": "First rows" }, grid),
  );
}

function nothing(dataset, { missing }) {
  if (missing === 0)
    return empty(
      "There are no rows yet.",
      h("a", { class: "button primary", href: `#/datasets/${dataset.datasetId}/load` }, "Load a file"),
    );
  const text =
    "This data was loaded before first rows were kept beside it. A view has all rows: create one, and download it.";
  return empty(
    "No rows are kept for a quick look.",
    h("p", text),
    h("a", { class: "button", href: `#/datasets/${dataset.datasetId}/views` }, "To the views"),
  );
}
