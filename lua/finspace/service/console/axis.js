// Where a chart's axes have their marks, and what stands beside them.

import { number } from "./format.js";

const DAY = 86400_000;

// --- values ----------------------------------------------------------------------------------------

function steps(from, to, count) {
  const raw = (to - from) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at <= to + step / 1e6; at += step)
    ticks.push(Math.abs(at) < step / 1e6 ? 0 : at);
  return ticks;
}

/** The marks of an axis of numbers, at most `count`. @returns [[value, label]] */
export function valueTicks(from, to, count) {
  return steps(from, to, count).map((at) => [at, number(Number(at.toPrecision(12)))]);
}

// --- times -----------------------------------------------------------------------------------------

const TIME_STEPS = [
  1000,
  5000,
  15000,
  60_000,
  300_000,
  900_000,
  3600_000,
  3 * 3600_000,
  6 * 3600_000,
  12 * 3600_000,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

function monthTicks(from, to, count) {
  const months = (to - from) / (30.44 * DAY);
  const step = MONTH_STEPS.find((size) => months / size <= count) ?? 1200;
  const start = new Date(from);
  const ticks = [];
  let month = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth()) / step) * step;
  for (; ; month += step) {
    const at = new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    if (at > to) return ticks;
    if (at >= from) ticks.push(at);
  }
}

function timesBetween(from, to, count) {
  const step = TIME_STEPS.find((size) => (to - from) / size <= count);
  if (!step) return monthTicks(from, to, count);
  const ticks = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return ticks;
}

/** The marks of an axis of times, at most `count`. @returns [[epoch milliseconds, label]] */
export function timeTicks(from, to, count) {
  return timesBetween(from, to, count).map((at) => [at, timeLabel(at, to - from)]);
}

function timeLabel(at, span) {
  const text = new Date(at).toISOString();
  if (span > 900 * DAY && text.slice(5, 10) === "01-01") return text.slice(0, 4);
  if (span > 90 * DAY) return text.slice(0, 7);
  if (span > 3 * DAY) return text.slice(0, 10);
  return span > 600_000 ? text.slice(5, 16).replace("T", " ") : text.slice(11, 19);
}

/** A moment of the x axis, whole. */
export function momentText(at, type) {
  const text = new Date(at).toISOString();
  return type === "DATE" ? text.slice(0, 10) : text.replace("T", " ").replace(/\.000Z$|Z$/, "");
}

/** The smallest and the largest of some values. */
export function extent(values) {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? [least, most] : [0, 1];
}

/** A little more than an extent, so that a line does not touch the frame. */
export function padded([least, most]) {
  const room = (most - least) * 0.05 || Math.abs(most) * 0.05 || 1;
  return [least - room, most + room];
}
