// Delimited text: read record by record, and told apart by its first bytes.

/**
 * The records of a text, as arrays of fields. A record that the text's end cuts is left out, unless
 * the text is whole.
 */
export function records(text, separator = ",", { isWhole = true, limit = Infinity } = {}) {
  const found = [];
  let fields = [];
  let at = 0;
  while (at < text.length && found.length < limit) {
    const { value, end } = text[at] === '"' ? quoted(text, at, separator) : plain(text, at, separator);
    if (end >= text.length && !isWhole) return found;
    fields.push(value);
    if (text[end] === separator) {
      at = end + 1;
      if (at === text.length) fields.push("");
      else continue;
    }
    if (fields.length > 1 || fields[0] !== "") found.push(fields);
    fields = [];
    at = afterLine(text, end);
  }
  if (fields.length > 0 && isWhole) found.push(fields);
  return found;
}

function afterLine(text, end) {
  return text[end] === "\r" && text[end + 1] === "\n" ? end + 2 : end + 1;
}

function plain(text, start, separator) {
  let end = start;
  while (end < text.length) {
    const character = text[end];
    if (character === separator || character === "\n" || character === "\r") break;
    end += 1;
  }
  return { value: text.slice(start, end), end };
}

function quoted(text, start, separator) {
  let value = "";
  let at = start + 1;
  for (;;) {
    const close = text.indexOf('"', at);
    if (close < 0) return { value: value + text.slice(at), end: text.length };
    value += text.slice(at, close);
    if (text[close + 1] !== '"') {
      const rest = plain(text, close + 1, separator); // what stands behind the quote belongs to the field
      return { value: value + rest.value, end: rest.end };
    }
    value += '"';
    at = close + 2;
  }
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

const JOINED = { integer: { decimal: "decimal" }, decimal: { integer: "decimal" }, date: { datetime: "datetime" }, datetime: { date: "datetime" } };
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
  csv: "CSV", tsv: "CSV", psv: "CSV", txt: "CSV",
  json: "JSON", jsonl: "JSON", ndjson: "JSON", parquet: "PARQUET", pq: "PARQUET", xml: "XML",
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

const isData = (text) => kindOf(text) !== "text" || OTHER_DATE.test(text);

/** Whether the first record names the columns: each differently, with no numbers, dates or booleans. */
export function hasHeader(rows) {
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
  const extension = name.toLowerCase().replace(/\.gz$/, "").match(/\.(\w+)$/)?.[1];
  const format = EXTENSIONS[extension] ?? formatOfBytes(text);
  if (format !== "CSV") return { format, separator: ",", header: true };
  const separator = findSeparator(text, isWhole);
  return { format, separator, header: hasHeader(records(text, separator, { isWhole, limit: LOOK_AT })) };
}

function nameOf(name, i) {
  return name?.trim() || `column_${i + 1}`;
}

/** The columns of CSV rows with the types that their values have. @returns [{name, type}] */
export function infer(rows, header) {
  const names = header ? rows[0] : (rows[0] ?? []).map(() => "");
  const data = header ? rows.slice(1) : rows;
  return (names ?? []).map((name, i) => ({ name: nameOf(name, i), type: typeOf(data.map((row) => row[i])) }));
}
