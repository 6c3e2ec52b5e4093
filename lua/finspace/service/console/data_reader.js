// Reads columns of a DELIMITED_TEXT view, whole when it is small, and from evenly spread places when it
// is not: so much is read as a picture can show, never more than a bound.

import { call } from "./api.js";
import { records } from "./csv.js";
import * as s3 from "./s3.js";
import { toNumber } from "./summary.js";

const WHOLE = 24 * 1024 * 1024;
const SLICE = 192 * 1024;
const SLICES = 96;
const AT_ONCE = 4;

const TAB = new Set(["\\t", "TAB", "tab"]);

function optionsOf(view) {
  const params = view.destinationTypeParams ?? view.destinationTypeProperties ?? {};
  const { delimiter = ",", header = "true", compression } = params.s3DestinationExportFileFormatOptions ?? {};
  return {
    format: params.s3DestinationExportFileFormat,
    separator: TAB.has(delimiter) ? "\t" : delimiter,
    header: header !== "false",
    isPlain: !compression || compression.toLowerCase() === "none",
  };
}

/** Whether a view's files can be read by this page: plain text that names its columns. */
export function isReadable(view) {
  const { format, header, isPlain } = optionsOf(view);
  return format === "DELIMITED_TEXT" && header && isPlain && view.status === "SUCCESS";
}

/** Opens a view's files for reading, with the keys that the view gives out. @returns {files, place, prefix, keys, size} */
export async function openView({ datasetId, dataViewId }) {
  const { credentials, s3Location } = await call("GetExternalDataViewAccessDetails", { datasetId, dataViewId });
  const { bucket, key: prefix } = s3Location;
  const place = s3.place(bucket);
  const files = (await s3.list(place, prefix, credentials)).filter(
    ({ key }) => !/(^|\/)[._]/.test(key.slice(prefix.length)),
  );
  return { files, place, prefix, keys: credentials, size: files.reduce((total, { size }) => total + size, 0) };
}

// --- which bytes -----------------------------------------------------------------------------------

// From each file its share of the slices, evenly spread over what is wanted of it.
function plan(opened, from, to) {
  const wanted = [];
  let start = 0;
  for (const file of opened.files) {
    const first = Math.max(from, start) - start;
    const last = Math.min(to, start + file.size) - start;
    if (last > first) wanted.push({ file, first, last, start });
    start += file.size;
  }
  const total = wanted.reduce((sum, { first, last }) => sum + last - first, 0);
  if (total <= WHOLE) return wanted.map((range) => ({ ...range, isWhole: true }));
  return wanted.flatMap((range) =>
    slices(range, Math.max(1, Math.round((SLICES * (range.last - range.first)) / total))),
  );
}

function slices({ file, first, last, start }, count) {
  const step = (last - first) / count;
  return Array.from({ length: count }, (_, i) => {
    const at = Math.floor(first + i * step);
    return { file, first: at, last: Math.min(last, at + SLICE), start };
  });
}

async function readText(opened, { file, first, last }, signal) {
  if (file.size === 0) return "";
  const response = await s3.get(opened.place, file.key, { keys: opened.keys, first, last: last - 1, signal });
  return response.text();
}

// --- which values ----------------------------------------------------------------------------------

async function headerOf(opened, file, separator, signal) {
  const text = await readText(opened, { file, first: 0, last: Math.min(file.size, 64 * 1024) }, signal);
  return records(text.replace(/^\ufeff/, ""), separator, { limit: 1 })[0] ?? [];
}

const toValue = (text) => (text === "" || text === undefined ? NaN : Number(text));

// A slice begins and ends amid lines: what is cut is left out.
function rowsOf(text, { first, last, file }, separator) {
  const whole = last >= file.size;
  const body = first === 0 ? text.replace(/^\ufeff/, "") : text.slice(text.indexOf("\n") + 1);
  const rows = records(body, separator, { isWhole: whole });
  return first === 0 ? rows.slice(1) : rows;
}

function take(points, rows, at, range) {
  for (const row of rows) {
    const text = row[at.x.index];
    if (!text) continue;
    const x = toNumber(text, at.x.type);
    if (!Number.isFinite(x)) continue;
    points.push({ x, values: at.series.map((index) => toValue(row[index])), place: range.start + range.first });
  }
}

/**
 * Reads points between two places of a view's bytes.
 * @param view as ListDataViews tells it
 * @param wanted {x: {name, type}, series: [names], from, to: places in bytes, signal, onProgress(share)}
 * @returns {points: [{x, values, place}] in the order of x, isWhole}
 */
export async function readPoints(view, opened, wanted) {
  const { separator } = optionsOf(view);
  const ranges = plan(opened, wanted.from ?? 0, wanted.to ?? Infinity);
  const headers = new Map();
  const points = [];
  let next = 0;
  let done = 0;
  const run = async () => {
    while (next < ranges.length) {
      const range = ranges[next++];
      if (!headers.has(range.file)) headers.set(range.file, headerOf(opened, range.file, separator, wanted.signal));
      const names = await headers.get(range.file);
      const text = await readText(opened, range, wanted.signal);
      const at = {
        x: { index: names.indexOf(wanted.x.name), type: wanted.x.type },
        series: wanted.series.map((name) => names.indexOf(name)),
      };
      take(points, rowsOf(text, range, separator), at, range);
      wanted.onProgress?.(++done / ranges.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, ranges.length) }, run));
  points.sort((a, b) => a.x - b.x);
  return { points, isWhole: ranges.every(({ isWhole }) => isWhole) };
}

/**
 * The places in the bytes that hold points from one x to another, told from points that were read.
 * Only where the view is sorted by x do its bytes follow it.
 */
export function placesOf(points, from, to, size) {
  const before = points.filter(({ x }) => x < from).map(({ place }) => place);
  const after = points.filter(({ x }) => x > to).map(({ place }) => place);
  return {
    from: before.length > 0 ? before.reduce((most, place) => Math.max(most, place), 0) : 0,
    to: after.length > 0 ? after.reduce((least, place) => Math.min(least, place), Infinity) + SLICE : size,
  };
}
