// What a dataset holds, told from its changesets and from the summaries that lie beside their data.

import { call } from "./api.js";
import * as s3 from "./s3.js";

const MOST_SUMMARIES = 100;
const AT_ONCE = 6;
const STEPS = 20;

/** Whether a changeset's rows count now. */
export const isActive = (changeset) => changeset.status === "SUCCESS" && !changeset.activeUntilTimestamp;

/** @returns {rows, lastLoad} of a dataset's changesets */
export function totals(changesets) {
  const active = changesets.filter(isActive);
  const loaded = changesets.filter(({ status }) => status === "SUCCESS");
  return {
    rows: active.reduce((total, { rowCount }) => total + (rowCount ?? 0), 0),
    lastLoad: Math.max(0, ...loaded.map(({ activeFromTimestamp, createTime }) => activeFromTimestamp ?? createTime)),
  };
}

let bucket = null;

async function ownBucket() {
  bucket ??= (await call("GetWorkingLocation", { locationType: "INGESTION" })).s3Bucket;
  return bucket;
}

const cache = new Map(); // summaries never change

async function read(changeset) {
  const key = `datasets/${changeset.datasetId}/${changeset.changesetId}/summary.json`;
  if (!cache.has(key)) {
    const summary = await s3.getJson(s3.own(await ownBucket()), key);
    if (!summary) return null;
    cache.set(key, summary);
  }
  return cache.get(key);
}

/**
 * The summaries of the changesets that count, the oldest first.
 * @returns {summaries, missing: how many have none, skipped: how many were not asked for}
 */
export async function summaries(changesets) {
  const active = changesets.filter(isActive);
  const asked = active.slice(-MOST_SUMMARIES);
  const found = [];
  for (let i = 0; i < asked.length; i += AT_ONCE) {
    found.push(...(await Promise.all(asked.slice(i, i + AT_ONCE).map(read))));
  }
  const there = found.filter(Boolean);
  return { summaries: there, missing: found.length - there.length, skipped: active.length - asked.length };
}

// --- several summaries as one ----------------------------------------------------------------------

const TIMES = new Set(["DATE", "DATETIME"]);

/** A value as a number: of a time, epoch milliseconds; one without a zone is in UTC. */
export function toNumber(text, type) {
  if (!TIMES.has(type)) return Number(text);
  const isZoned = type === "DATE" || /(Z|[+-]\d\d:?\d\d)$/.test(text);
  return Date.parse(isZoned ? text : text + "Z");
}

function exact(text, type) {
  return type === "BIGINT" && /^-?\d+$/.test(text) ? BigInt(text) : toNumber(text, type);
}

function pick(texts, type, isBetter) {
  const there = texts.filter((text) => text !== null && text !== undefined);
  return there.reduce(
    (best, text) => (best === undefined || isBetter(exact(text, type), exact(best, type)) ? text : best),
    undefined,
  );
}

// Each step's rows go where its middle lies.
function mergedHistogram(parts, type, min, max) {
  const from = toNumber(min, type);
  const width = toNumber(max, type) - from;
  const steps = new Array(STEPS).fill(0);
  for (const part of parts) {
    const start = toNumber(part.min, type);
    const step = (toNumber(part.max, type) - start) / part.histogram.length;
    part.histogram.forEach((rows, i) => {
      const place = width > 0 ? ((start + (i + 0.5) * step - from) / width) * STEPS : 0;
      steps[Math.min(STEPS - 1, Math.max(0, Math.floor(place)))] += rows;
    });
  }
  return steps;
}

function merged(name, parts) {
  const types = new Set(parts.map(({ type }) => type));
  const type = types.size === 1 ? parts[0].type : "STRING";
  const nulls = parts.reduce((total, part) => total + part.nulls, 0);
  if (types.size > 1) return { name, type, nulls, mixed: [...types] };
  const min = pick(
    parts.map((part) => part.min),
    type,
    (a, b) => a < b,
  );
  const max = pick(
    parts.map((part) => part.max),
    type,
    (a, b) => a > b,
  );
  const drawn = parts.filter((part) => part.histogram?.length && part.min !== undefined && part.min !== null);
  const histogram = drawn.length > 0 ? mergedHistogram(drawn, type, min, max) : undefined;
  const isSampled = drawn.some((part) => part.isSampled);
  return { name, type, nulls, min, max, isSampled, histogram: drawn.length === 1 ? drawn[0].histogram : histogram };
}

/** The columns of several summaries, in the order in which they appear. A row without the column is NULL. */
export function columns(all) {
  const byName = new Map();
  let before = 0;
  for (const summary of all) {
    for (const column of summary.columns) {
      if (!byName.has(column.name)) byName.set(column.name, { parts: [], rows: 0 });
      const entry = byName.get(column.name);
      entry.parts.push({ ...column, isSampled: Boolean(summary.sampled) });
      entry.rows += summary.rows;
    }
    before += summary.rows;
  }
  return [...byName].map(([name, { parts, rows }]) => {
    const column = merged(name, parts);
    column.nulls += before - rows;
    return column;
  });
}

/** The first rows, as arrays in the order of `names`. */
export function sample(all, names, limit = 100) {
  const rows = [];
  for (const summary of all) {
    const at = names.map((name) => summary.columns.findIndex((column) => column.name === name));
    for (const row of summary.sample) {
      if (rows.length === limit) return rows;
      rows.push(at.map((i) => (i < 0 ? null : row[i])));
    }
  }
  return rows;
}
