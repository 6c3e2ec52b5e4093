// Delimited text: read record by record, and told apart by its first bytes.

import { plural } from "./format.js";

// --- records ---------------------------------------------------------------------------------------

function afterLine(text, end) {
  return text[end] === "\r" && text[end + 1] === "\n" ? end + 2 : end + 1;
}

function afterBlanks(text, at, separator) {
  let start = at;
  while (text[start] === " " || (text[start] === "\t" && separator !== "\t")) start += 1;
  return start;
}

function plain(text, start, separator) {
  let end = start;
  while (end < text.length) {
    const character = text[end];
    if (character === separator || character === "\n" || character === "\r") break;
    end += 1;
  }
  return { value: text.slice(start, end), end, lines: 0 };
}

// Text behind the closing quote is shown, though it will be refused.
function afterQuote(value, text, at, separator) {
  const rest = plain(text, at, separator);
  const isStray = !/^[ \t]*$/.test(rest.value);
  const lines = value.split("\n").length - 1;
  return { value: isStray ? value + rest.value : value, end: rest.end, lines, isStray };
}

function quoted(text, start, separator) {
  let value = "";
  let at = start + 1;
  for (;;) {
    const close = text.indexOf('"', at);
    if (close < 0) return { value: value + text.slice(at), end: text.length, lines: 0, isOpen: true };
    value += text.slice(at, close);
    if (text[close + 1] !== '"') return afterQuote(value, text, close + 1, separator);
    value += '"';
    at = close + 2;
  }
}

function readField(text, at, separator) {
  const start = afterBlanks(text, at, separator);
  return text[start] === '"' ? quoted(text, start, separator) : plain(text, at, separator);
}

// `lines` are those that end within it, `wrong` is what the service refuses, and after how many of them.
function readRecord(text, start, separator) {
  const record = { fields: [], lines: 0, end: start, wrong: null };
  let at = start;
  do {
    const { value, end, lines, isStray, isOpen } = readField(text, at, separator);
    record.fields.push(value);
    record.lines += lines;
    if (isStray) record.wrong ??= { lines: record.lines, why: "text follows a closing quote" };
    if (isOpen) record.wrong ??= { lines: record.lines, why: "a quoted field begins that never ends" };
    record.end = end;
    at = end + 1;
  } while (text[record.end] === separator);
  record.isEmpty = record.end === start;
  return record;
}

// One by one, with the line in which each begins. What the text's end cuts is left out, unless the text is whole.
function* walk(text, separator, isWhole) {
  let line = 1;
  for (let at = 0; at < text.length;) {
    const record = readRecord(text, at, separator);
    if (record.end >= text.length && !isWhole) return;
    yield Object.assign(record, { line });
    line += record.lines + 1;
    at = afterLine(text, record.end);
  }
}

/**
 * The records of a text, as arrays of fields. A record that the text's end cuts is left out, unless
 * the text is whole.
 */
export function records(text, separator = ",", { isWhole = true, limit = Infinity } = {}) {
  const found = [];
  for (const { fields, isEmpty } of walk(text, separator, isWhole)) {
    if (!isEmpty) found.push(fields);
    if (found.length >= limit) break;
  }
  return found;
}

const filled = (fields) => fields.findLastIndex((field) => field !== "") + 1;

// Fields may be missing where the first record names no columns, and empty ones may follow the last column.
const fits = (fields, first) => fields.length >= filled(first) && filled(fields) <= first.length;

/** The first thing in a text that the service will refuse. @returns {line, why} or null */
export function flaw(text, separator, isWhole) {
  let first = null;
  for (const { fields, isEmpty, line, wrong } of walk(text, separator, isWhole)) {
    if (wrong) return { line: line + wrong.lines, why: wrong.why };
    if (isEmpty) continue;
    first ??= fields;
    if (!fits(fields, first)) return { line, why: `it has ${plural(fields.length, "field")}, not ${first.length}` };
  }
  return null;
}

// --- what a value looks like -----------------------------------------------------------------------

const INTEGER = /^[+-]?(0|[1-9]\d*)$/;
const DECIMAL = /^[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const DATETIME = /^\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/;
const BOOLEAN = /^(true|false)$/i;
const OTHER_DATE = /^\d{4}-\d\d?-\d\d?|^\d\d?[/.]\d\d?[/.]\d\d(\d\d)?/;

function kindOf(text) {
  if (INTEGER.test(text)) return "integer";
  if (DECIMAL.test(text)) return "decimal";
  if (DATE.test(text)) return "date";
  if (DATETIME.test(text)) return "datetime";
  return BOOLEAN.test(text) ? "boolean" : "text";
}

const JOINED = {
  integer: { decimal: "decimal" },
  decimal: { integer: "decimal" },
  date: { datetime: "datetime" },
  datetime: { date: "datetime" },
};
const TYPES = { decimal: "DOUBLE", date: "DATE", datetime: "DATETIME", boolean: "BOOLEAN", text: "STRING" };
const LONGEST_BIGINT = 18;

// What comes later may be larger than what was seen: integers become BIGINT, and longer ones text.
function typeOf(values) {
  let kind = null;
  let digits = 0;
  for (const value of values) {
    if (value === "" || value === undefined) continue;
    const seen = kindOf(value);
    if (seen === "integer") digits = Math.max(digits, value.replace(/^[+-]/, "").length);
    if (kind === null || kind === seen) kind = seen;
    else kind = JOINED[kind]?.[seen] ?? "text";
  }
  if (kind === "integer") return digits > LONGEST_BIGINT ? "STRING" : "BIGINT";
  return TYPES[kind] ?? "STRING";
}

// --- what a file looks like ------------------------------------------------------------------------

const EXTENSIONS = {
  csv: "CSV",
  tsv: "CSV",
  psv: "CSV",
  txt: "CSV",
  json: "JSON",
  jsonl: "JSON",
  ndjson: "JSON",
  parquet: "PARQUET",
  pq: "PARQUET",
  xml: "XML",
};
const SEPARATORS = [",", ";", "\t", "|"];
const LOOK_AT = 50;

function score(rows) {
  const width = rows[0]?.length ?? 0;
  if (width < 2) return 0;
  const alike = rows.filter((row) => row.length === width).length;
  return alike / rows.length + Math.min(width, 100) / 10000;
}

function findSeparator(text, isWhole) {
  let best = ",";
  let bestScore = 0;
  for (const separator of SEPARATORS) {
    const found = score(records(text, separator, { isWhole, limit: LOOK_AT }));
    if (found > bestScore) [best, bestScore] = [separator, found];
  }
  return best;
}

// Excel's first line, which is no record but names the separator.
const SEPARATOR_LINE = /^"?sep=([^"\r\n])"?(\r\n|\r|\n)/i;

/** A text without Excel's line `sep=;`, and the separator that it names. */
export function withoutSeparatorLine(text) {
  const found = text.match(SEPARATOR_LINE);
  return found ? { text: text.slice(found[0].length), separator: found[1] } : { text, separator: null };
}

const isData = (text) => kindOf(text) !== "text" || OTHER_DATE.test(text);

/** Whether the first record looks like names: each its own, with no numbers, dates or booleans. */
export function looksLikeHeader(rows) {
  const [first = [], ...others] = rows;
  const names = first.map((name) => name.trim());
  if (names.some((name) => name === "" || isData(name)) || new Set(names).size < names.length) return false;
  if (others.length === 0 || first.length > 1) return true;
  return others.some((row) => row.some(isData));
}

function formatOfBytes(text) {
  const start = text.trimStart();
  if (text.startsWith("PAR1")) return "PARQUET";
  if (start.startsWith("{") || start.startsWith("[")) return "JSON";
  if (start.startsWith("<")) return "XML";
  return "CSV";
}

/**
 * What a file seems to be. `text` is its beginning, unpacked.
 * @returns {format, separator, header}
 */
export function sniff(name, text, isWhole) {
  const extension = name
    .toLowerCase()
    .replace(/\.gz$/, "")
    .match(/\.(\w+)$/)?.[1];
  const format = EXTENSIONS[extension] ?? formatOfBytes(text);
  if (format !== "CSV") return { format, separator: ",", header: true };
  const separator = withoutSeparatorLine(text).separator ?? findSeparator(text, isWhole);
  return { format, separator, header: true };
}

// A name that an earlier column has gets a number: nothing is ever merged.
function distinct(names) {
  const given = new Set(names.map((name) => name.toLowerCase()));
  const taken = new Set();
  return names.map((name) => {
    let found = name;
    const isFree = () => !taken.has(found.toLowerCase()) && (found === name || !given.has(found.toLowerCase()));
    for (let n = 2; !isFree(); n++) found = `${name}_${n}`;
    taken.add(found.toLowerCase());
    return found;
  });
}

/** The columns' names that a header's fields give. */
export const namesOf = (fields) => distinct(fields.map((field, i) => field.trim() || `column_${i + 1}`));

const READS_AS = {
  BOOLEAN: BOOLEAN,
  DATE: DATE,
  DATETIME: DATETIME,
  DOUBLE: DECIMAL,
  FLOAT: DECIMAL,
  TINYINT: INTEGER,
  SMALLINT: INTEGER,
  INTEGER: INTEGER,
  BIGINT: INTEGER,
};

/**
 * Whether a file's first record names the columns of a schema: yes when it has its names, in any order;
 * no when each field reads as its column's type; else yes, and the comparison shows what is wrong.
 */
export function namesSchema(first, schema) {
  const lower = (list) =>
    list
      .map((name) => name.toLowerCase())
      .sort()
      .join("\n");
  if (lower(first.map((field) => field.trim())) === lower(schema.map(({ name }) => name))) return true;
  const reads = (field, i) => field === "" || (READS_AS[schema[i].type]?.test(field) ?? true);
  return !(first.length === schema.length && first.every(reads));
}

/**
 * The values that do not read as their column's type.
 * @param rows data without a header
 * @param columns [{name, type}] in the order of the fields
 * @returns [{row: from 1, name, type, value}]
 */
export function misfits(rows, columns) {
  return rows.flatMap((row, i) =>
    columns
      .map(({ name, type }, at) => ({ row: i + 1, name, type, value: row[at] ?? "" }))
      .filter(({ type, value }) => value !== "" && READS_AS[type] && !READS_AS[type].test(value)),
  );
}

/** The columns of CSV rows with the types that their values have. @returns [{name, type}] */
export function infer(rows, header) {
  const first = rows[0] ?? [];
  const names = namesOf(header ? first : first.map(() => ""));
  const data = header ? rows.slice(1) : rows;
  return names.map((name, i) => ({ name, type: typeOf(data.map((row) => row[i])) }));
}
