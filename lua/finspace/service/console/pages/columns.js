// A dataset's columns: types, smallest and largest values, NULLs, and how the values spread.

import { empty, fill, h, s, table } from "../dom.js";
import { count, plural } from "../format.js";
import * as summary from "../summary.js";
import { schemaColumns } from "./dataset.js";

const WIDTH = 120;
const HEIGHT = 28;

function histogram(column) {
  const steps = column.histogram;
  const most = Math.max(...steps, 1);
  const width = WIDTH / steps.length;
  const bars = steps.map((rows, i) => {
    const height = rows > 0 ? Math.max(1, (rows / most) * HEIGHT) : 0;
    return s("rect", { x: i * width, y: HEIGHT - height, width: width - 1, height });
  });
  const of = column.isSampled ? "spread of a sample's values" : "spread of values";
  const label = `${column.name}: ${of} from ${column.min} to ${column.max}, at most ${plural(most, "row")} in one of ${steps.length} steps`;
  return s(
    "svg",
    {
      class: "histogram",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      width: WIDTH,
      height: HEIGHT,
      role: "img",
      "aria-label": label,
    },
    bars,
  );
}

// What the schema names and no data has yet stands here, too.
function merged(named, found) {
  const byName = new Map(found.map((column) => [column.name, column]));
  const known = named.map((column) => ({ ...byName.get(column.name), ...column }));
  const names = new Set(named.map(({ name }) => name));
  return [...known, ...found.filter(({ name }) => !names.has(name))];
}

const optional = (label, text, kind = "") =>
  h("td", { "data-label": label, class: text === undefined || text === null ? `${kind} none` : kind }, text ?? "–");

function row(column) {
  const type = column.mixed ? `differs: ${column.mixed.join(", ")}` : column.type;
  return h(
    "tr",
    h("th", { scope: "row" }, column.name, column.isKey && h("span", { class: "badge" }, "key")),
    h("td", { class: "code", "data-label": "Type" }, type),
    optional("Smallest", column.min, "figure"),
    optional("Largest", column.max, "figure"),
    optional("NULLs", column.nulls === undefined ? null : count(column.nulls), "number"),
    column.histogram ? h("td", { "data-label": "Values" }, histogram(column)) : optional("Values"),
  );
}

function note({ missing, skipped }, columns) {
  const parts = [];
  if (columns.some(({ isSampled }) => isSampled))
    parts.push("How the values spread is that of a sample: of many rows not all are counted.");
  if (missing > 0)
    parts.push(
      `${plural(missing, "changeset")} came before figures were kept, and ${missing === 1 ? "is" : "are"} not in these.`,
    );
  if (skipped > 0) parts.push(`The oldest ${plural(skipped, "changeset")} are not in these figures.`);
  return parts.length > 0 && h("p", { class: "hint" }, parts.join(" "));
}

/** What is known of the changesets' data; without the right to read it, nothing, and why. */
export async function known(changesets) {
  try {
    return await summary.summaries(changesets);
  } catch (error) {
    if (error.code !== "AccessDenied") throw error;
    return {
      summaries: [],
      missing: 0,
      skipped: 0,
      refusal: "You may see this dataset, but not read its data: ask for ReadDatasetData.",
    };
  }
}

/** The columns that the schema names, or else those that the data has. @returns [{name, type}] */
export async function columnsOf(dataset, changesets) {
  const named = schemaColumns(dataset);
  if (named.length > 0) return named;
  return summary.columns((await known(changesets)).summaries);
}

const HEADS = ["Column", "Type", "Smallest", "Largest", { label: "NULLs", props: { class: "number" } }, "Values"];

/** Shows the tab. */
export async function show(place, { dataset, changesets, isShown }) {
  const found = await known(changesets);
  if (!isShown()) return;
  const columns = merged(schemaColumns(dataset), summary.columns(found.summaries));
  if (columns.length === 0) {
    const load = h("a", { class: "button primary", href: `#/datasets/${dataset.datasetId}/load` }, "Load a file");
    return fill(
      place,
      empty("No columns are known yet.", h("p", "They come with the dataset's schema, or with its first data."), load),
    );
  }
  const refusal = found.refusal && h("p", { class: "note" }, found.refusal);
  fill(place, refusal, table("Columns", HEADS, columns.map(row), { class: "list stacking" }), note(found, columns));
}
