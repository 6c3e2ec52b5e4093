// Loading a file: dropped, understood, corrected, sent in parts, followed until its changeset is final.

import { call } from "../api.js";
import { flaw, infer, looksLikeHeader, misfits, namesSchema, records, sniff, withoutSeparatorLine } from "../csv.js";
import { mistake, problem } from "../dialog.js";
import { announce, badge, button, check, choice, field, fill, h, statusBadge, table, waiting } from "../dom.js";
import { bytes, count, duration, plural } from "../format.js";
import * as s3 from "../s3.js";
import * as session from "../session.js";
import * as transfer from "../transfer.js";
import { failure, isAtWork } from "./changesets.js";
import { schemaColumns } from "./dataset.js";

const SAMPLE = 256 * 1024;
const SHOWN_ROWS = 5;
const MOST_ROWS = 2000;
const MOST_TEXT = 2000;
const ASKED_EVERY = 500;

const FORMATS = ["CSV", "JSON", "PARQUET", "XML"].map((name) => [name, name]);
const SEPARATORS = [
  [",", "comma"],
  [";", "semicolon"],
  ["\t", "tab"],
  ["|", "bar"],
];
const TYPES = [
  "STRING",
  "CHAR",
  "INTEGER",
  "TINYINT",
  "SMALLINT",
  "BIGINT",
  "FLOAT",
  "DOUBLE",
  "DATE",
  "DATETIME",
  "BOOLEAN",
  "BINARY",
].map((name) => [name, name]);

// --- looking at a file -----------------------------------------------------------------------------

async function unpacked(blob) {
  const stream = blob.stream().pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.getReader();
  const parts = [];
  let size = 0;
  try {
    for (let part = await reader.read(); !part.done && size < SAMPLE; part = await reader.read()) {
      parts.push(part.value);
      size += part.value.length;
    }
  } catch {
    // The sample cuts the packed bytes, so their end is never right: what came before is.
  }
  reader.cancel().catch(() => {});
  return new Blob(parts);
}

async function look(file, schema) {
  const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const isPacked = start[0] === 0x1f && start[1] === 0x8b;
  const head = file.slice(0, SAMPLE);
  const blob = isPacked ? await unpacked(head) : head;
  const text = (await blob.text()).replace(/^\ufeff/, "");
  const isWhole = !isPacked && file.size <= SAMPLE;
  const state = { file, text, isWhole, isPacked, ...sniff(file.name, text, isWhole) };
  const [first = []] = rowsOf(state);
  if (state.format === "CSV" && schema.length > 0) state.header = namesSchema(first, schema);
  return state;
}

function rowsOf({ text, separator, isWhole }) {
  return records(withoutSeparatorLine(text).text, separator, { isWhole, limit: MOST_ROWS });
}

// --- what is loaded, as formatParams ---------------------------------------------------------------

function formatParams({ format, separator, header, isPacked }) {
  const params = { formatType: format };
  const sent = separator === "\t" ? "\\t" : separator; // the API takes no value of blanks alone
  if (format === "CSV") Object.assign(params, { separator: sent, withHeader: String(header) });
  if (format !== "PARQUET") params.compression = isPacked ? "GZIP" : "None";
  return params;
}

// --- the first step: a file ------------------------------------------------------------------------

function drop(onFile) {
  const input = h("input", {
    type: "file",
    class: "unseen",
    "aria-label": "File to load",
    onchange: () => input.files[0] && onFile(input.files[0]),
  });
  const area = h(
    "label",
    { class: "drop" },
    input,
    h("strong", "Drop a file here, or choose one"),
    h("span", "CSV, JSON, Parquet or XML, also packed with gzip"),
  );
  const over = (isOver) => (event) => {
    event.preventDefault();
    area.classList.toggle("over", isOver);
  };
  area.addEventListener("dragover", over(true));
  area.addEventListener("dragleave", over(false));
  area.addEventListener("drop", (event) => {
    over(false)(event);
    const { files } = event.dataTransfer;
    if (files.length === 1) onFile(files[0]);
    else
      area.after(
        problem(mistake("This page loads one file at a time", "Drop one, or load many with `finspace load`.")),
      );
  });
  return area;
}

// --- the second step: how it is read ---------------------------------------------------------------

function options(state, update) {
  const change = (name, read) => (event) => {
    state[name] = read(event.target);
    state.columns = null;
    update();
  };
  const known = SEPARATORS.some(([value]) => value === state.separator)
    ? SEPARATORS
    : [...SEPARATORS, [state.separator, state.separator]];
  const isText = state.format === "CSV";
  return h(
    "div",
    { class: "options" },
    field("Format", choice(FORMATS, state.format, { onchange: change("format", (target) => target.value) })),
    isText &&
      field("Separator", choice(known, state.separator, { onchange: change("separator", (target) => target.value) })),
    isText &&
      field(
        "First line",
        choice(
          [
            ["yes", "names the columns"],
            ["no", "is data"],
          ],
          state.header ? "yes" : "no",
          { onchange: change("header", (target) => target.value === "yes") },
        ),
      ),
  );
}

function typeChoice(column) {
  const change = (event) => (column.type = event.target.value);
  return choice(TYPES, column.type, { "aria-label": `Type of ${column.name}`, onchange: change });
}

// With a schema: whether the file's columns are the dataset's; without: the schema that follows.
function schemaPart(state, schema) {
  const rows = rowsOf(state);
  state.columns ??= infer(rows, state.header);
  if (schema.length > 0)
    return [comparison(state, schema), broken(state), unreadable(state, rows, schema), preview(state, rows, false)];
  state.takesSchema ??= check("Make this the dataset's schema: each value is checked when it is loaded", {
    checked: true,
  });
  const seen = Math.max(0, rows.length - (state.header ? 1 : 0));
  return [
    h("h2", "Schema"),
    broken(state),
    state.header &&
      !looksLikeHeader(rows) &&
      h("p", { class: "note" }, "The first line looks like data. Is it? Then say so above."),
    preview(state, rows, true),
    h(
      "p",
      { class: "hint" },
      `Types are told from the first ${plural(seen, "row")}: correct them where you know better.`,
    ),
    state.takesSchema,
  ];
}

function absentFrom(columns, wanted) {
  const there = new Set(columns.map(({ name }) => name.toLowerCase()));
  return wanted.filter(({ name }) => !there.has(name.toLowerCase())).map(({ name }) => name);
}

// What will be refused is told before it is sent, as far as the file's beginning shows it.

function broken({ text, separator, isWhole }) {
  const rest = withoutSeparatorLine(text).text;
  const found = flaw(rest, separator, isWhole);
  if (!found) return null;
  const line = found.line + (rest === text ? 0 : 1);
  return h("p", { class: "note" }, `Line ${count(line)}: ${found.why}. This load will fail.`);
}

function unreadable({ columns, header }, rows, schema) {
  const typed = columns.map(
    ({ name }, i) => (header ? schema.find((one) => one.name.toLowerCase() === name.toLowerCase()) : schema[i]) ?? {},
  );
  const found = misfits(rows.slice(header ? 1 : 0), typed);
  if (found.length === 0) return null;
  const [{ row, name, type, value }] = found;
  const more = found.length > 1 ? `, the first of ${count(found.length)} such values in the rows looked at` : "";
  return h(
    "p",
    { class: "note" },
    `In row ${row}, ${name} is ${type}, and “${value.slice(0, 40)}” does not read as one${more}. This load will fail.`,
  );
}

function comparison({ columns, header }, schema) {
  if (!header) {
    const fits = columns.length === schema.length;
    const text = fits
      ? `The file's ${plural(columns.length, "column")} are taken in the order of the dataset's schema.`
      : `The file has ${plural(columns.length, "column")}, the dataset's schema ${schema.length}: this load will fail.`;
    return h("p", { class: fits ? "hint" : "note" }, text);
  }
  const missing = absentFrom(columns, schema);
  const unknown = absentFrom(schema, columns);
  if (missing.length + unknown.length === 0)
    return h("p", { class: "hint" }, `All ${plural(schema.length, "column")} of the dataset's schema are in the file.`);
  return h(
    "p",
    { class: "note" },
    missing.length > 0 && `The file lacks ${missing.join(", ")}. `,
    unknown.length > 0 && `The dataset's schema has no ${unknown.join(", ")}. `,
    "This load will fail. Is the separator right?",
  );
}

function preview(state, rows, hasTypes) {
  const heads = state.columns.map((column) => ({
    label: [h("div", column.name), hasTypes && typeChoice(column)],
    props: {},
  }));
  const data = rows.slice(state.header ? 1 : 0).slice(0, SHOWN_ROWS);
  const body = data.map((row) =>
    h(
      "tr",
      state.columns.map((_, i) => h("td", row[i] ?? "")),
    ),
  );
  const grid = table("First rows of the file", heads, body, { class: "grid schema" });
  return h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": "First rows of the file" }, grid);
}

// Of what is no table yet, how it begins.
function beginning({ format, text }) {
  if (format === "PARQUET") return h("p", { class: "hint" }, "A Parquet file brings its own columns and types.");
  const lines = text.slice(0, MOST_TEXT).split("\n").slice(0, SHOWN_ROWS).join("\n");
  return h("pre", { class: "scroller beginning", tabindex: 0, "aria-label": "Beginning of the file" }, lines);
}

function changeType(state) {
  state.change ??= "APPEND";
  const one = (value, label) => {
    const input = h("input", {
      type: "radio",
      name: "change",
      value,
      checked: state.change === value,
      onchange: () => (state.change = value),
    });
    return h("label", { class: "check" }, input, h("span", label));
  };
  return h(
    "fieldset",
    h("legend", "What the rows do"),
    one("APPEND", "APPEND: add to what is there"),
    one("REPLACE", "REPLACE: take the place of all that is there"),
  );
}

function settings(place, state, context, restart) {
  const update = () => settings(place, state, context, restart);
  const isText = state.format === "CSV";
  const focused = document.activeElement?.closest(".field")?.querySelector("label")?.textContent;
  fill(
    place,
    h(
      "div",
      { class: "steps" },
      h(
        "div",
        { class: "card" },
        h("h2", state.file.name),
        h("p", { class: "tally" }, bytes(state.file.size), state.isPacked && ", gzip"),
        options(state, update),
      ),
      h("div", { class: "card steps" }, isText ? schemaPart(state, schemaColumns(context.dataset)) : beginning(state)),
      h("div", { class: "card" }, changeType(state)),
      h(
        "div",
        { class: "actions" },
        button("Other file", restart),
        button("Load", () => run(place, state, context, restart), { kind: "primary" }),
      ),
    ),
  );
  const same = [...place.querySelectorAll(".field label")].find((label) => label.textContent === focused);
  same?.control?.focus();
}

// --- the third step: sending -----------------------------------------------------------------------

const warn = (event) => event.preventDefault();

// The rate of the last seconds, so that the time left follows the network of now.
function meter(total) {
  const seen = [];
  const bar = h("progress", { max: Math.max(1, total), value: 0, "aria-label": "Sent" });
  const text = h("span", "Starting");
  const rest = h("span");
  const show = (sent) => {
    const now = performance.now();
    seen.push({ now, sent });
    while (seen.length > 2 && now - seen[0].now > 5000) seen.shift();
    const rate = ((sent - seen[0].sent) / (now - seen[0].now)) * 1000;
    bar.value = sent;
    text.textContent = `${bytes(sent)} of ${bytes(total)}`;
    rest.textContent = rate > 0 ? `${bytes(Math.round(rate))}/s, ${duration((total - sent) / rate)} left` : "";
  };
  return { element: h("div", { class: "progress" }, bar, h("div", { class: "figures" }, text, rest)), show };
}

async function keepSchema({ dataset }, state) {
  if (state.format !== "CSV" || !state.takesSchema?.box.checked || schemaColumns(dataset).length > 0) return;
  const columns = state.columns.map(({ name, type }) => ({ columnName: name, dataType: type }));
  const { datasetId, datasetTitle, kind } = dataset;
  await call("UpdateDataset", {
    datasetId,
    datasetTitle,
    kind,
    schemaDefinition: { tabularSchemaConfig: { columns } },
  });
}

const safeName = (name) => name.replace(/[^A-Za-z0-9._-]+/g, "_").replace(/^[._]+/, "") || "file";

async function stage(state, show, signal) {
  const { s3Bucket, s3Path } = await call("GetWorkingLocation", { locationType: "INGESTION" });
  const key = s3Path + safeName(state.file.name);
  await s3.upload(s3.place(s3Bucket), key, state.file, { onProgress: show, signal });
  return `s3://${s3Bucket}/${key}`;
}

async function begin(context, state, uri) {
  const { datasetId } = context.dataset;
  const { changesetId } = await call("CreateChangeset", {
    datasetId,
    changeType: state.change,
    sourceParams: { s3SourcePath: uri, sourceType: "S3" },
    formatParams: formatParams(state),
  });
  return { datasetId, changesetId };
}

const hrefOf = ({ dataset }, tab) => `#/datasets/${dataset.datasetId}/${tab}`;

// The bar tells of it only where this screen does not.
function reporting(place, context, name, show) {
  return (sent, total) => {
    show(sent);
    if (place.isConnected) transfer.clear();
    else transfer.tell(`Sending ${name}: ${Math.floor((100 * sent) / total)} %`, hrefOf(context, "changesets"));
  };
}

async function send(place, state, context, stop) {
  const { name, size } = state.file;
  const { element, show } = meter(size);
  const cancel = button("Stop", () => stop.abort());
  const report = reporting(place, context, name, show);
  fill(
    place,
    h(
      "div",
      { class: "card steps" },
      h("h2", `Sending ${name}`),
      element,
      h(
        "p",
        { class: "hint" },
        "Keep this tab of the browser open until the file is sent; other screens may be looked at.",
      ),
      h("div", { class: "actions" }, cancel),
    ),
  );
  await keepSchema(context, state);
  const uri = await stage(state, (sent) => report(sent, size), stop.signal);
  cancel.disabled = true;
  return begin(context, state, uri);
}

async function run(place, state, context, restart) {
  if (state.file.size === 0) return place.prepend(problem(mistake("This file is empty", "Choose another.")));
  const stop = new AbortController();
  const forget = session.onChange((reason) => reason === "signed out" && stop.abort());
  addEventListener("beforeunload", warn);
  try {
    const ids = await send(place, state, context, stop);
    removeEventListener("beforeunload", warn); // the file is there: the rest goes on without this tab
    await follow(place, ids, context, restart);
  } catch (error) {
    transfer.clear();
    if (error.name === "AbortError") return settings(place, state, context, restart);
    if (!place.isConnected)
      transfer.tell(`${state.file.name} was not loaded: ${error.message}`, hrefOf(context, "load"));
    fill(
      place,
      problem(error, () => run(place, state, context, restart)),
      h(
        "div",
        { class: "actions" },
        button("Back", () => settings(place, state, context, restart)),
      ),
    );
  } finally {
    removeEventListener("beforeunload", warn);
    forget();
  }
}

// --- the fourth step: what became of it ------------------------------------------------------------

async function follow(place, ids, context, restart) {
  const since = performance.now();
  fill(
    place,
    h(
      "div",
      { class: "card steps" },
      h("div", { class: "outcome" }, badge("PENDING", "busy"), waiting("Waiting for the service to read it")),
    ),
  );
  const spent = place.querySelector(".waiting").lastChild;
  for (;;) {
    const changeset = await call("GetChangeset", ids);
    if (!isAtWork(changeset)) return finish(place, changeset, context, restart);
    spent.textContent = `${changeset.status === "RUNNING" ? "The service is reading it" : "Waiting for the service to read it"}, ${duration((performance.now() - since) / 1000)}`;
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY));
  }
}

function finish(place, changeset, context, restart) {
  const { status, rowCount, changesetId } = changeset;
  const isGood = status === "SUCCESS";
  context.refreshHead().catch(() => {}); // the head's figures are told again by the next screen
  announce(isGood ? `Loaded ${plural(rowCount ?? 0, "row")}` : "The load failed");
  if (!place.isConnected)
    transfer.tell(isGood ? `Loaded ${plural(rowCount ?? 0, "row")}` : "The load failed", hrefOf(context, "changesets"));
  else transfer.clear();
  const to = (tab, label, kind) => h("a", { class: `button ${kind ?? ""}`, href: hrefOf(context, tab) }, label);
  fill(
    place,
    h(
      "div",
      { class: "card steps" },
      h(
        "div",
        { class: "outcome" },
        statusBadge(status),
        isGood && h("strong", plural(rowCount ?? 0, "row")),
        h("span", { class: "code id" }, changesetId),
      ),
      !isGood && failure(changeset, "Correct the file, or how it is read, then load it again."),
      h(
        "div",
        { class: "actions" },
        button("Load another", restart),
        to("changesets", "Changesets"),
        isGood && to("chart", "Chart", "primary"),
      ),
    ),
  );
}

// What will not work is said before a file is chosen.
async function warnOfStore(place, retry) {
  const found = await s3.obstacle();
  if (found) place.querySelector(".drop")?.before(problem(found, retry));
}

/** Shows the tab. */
export async function show(place, context) {
  const start = () => {
    const onFile = async (file) => {
      fill(place, waiting("Looking at the file"));
      const state = await look(file, schemaColumns(context.dataset)).catch(() => null);
      if (state) return settings(place, state, context, start);
      fill(
        place,
        problem(mistake("This file cannot be read here", "Is it a folder, or has it been moved?")),
        drop(onFile),
      );
    };
    fill(place, drop(onFile));
  };
  // After a load the schema may be another one.
  context.dataset = await call("GetDataset", { datasetId: context.dataset.datasetId });
  start();
  warnOfStore(place, () => show(place, context)); // a store that is away may take its time
}
