// Numbers, sizes and times as people read them.

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** 1234567 as 1,234,567. */
export const count = (value) => (value === undefined || value === null ? "–" : grouped.format(value));

/** "1 row", "2 rows". */
export const plural = (value, word) => `${count(value)} ${word}${value === 1 ? "" : "s"}`;

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** A size in bytes, in the unit that suits it. */
export function bytes(value) {
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  if (unit === 0) return value === 1 ? "1 byte" : `${value} bytes`;
  return `${size < 10 ? size.toFixed(2) : size < 100 ? size.toFixed(1) : Math.round(size)} ${UNITS[unit]}`;
}

const two = (value) => String(value).padStart(2, "0");

/** Epoch milliseconds as the reader's own date and time. */
export function time(value) {
  if (!value) return "–";
  const at = new Date(value);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

const STEPS = [
  [86400, "d", 3600, "h"],
  [3600, "h", 60, "min"],
  [60, "min", 1, "s"],
];

/** A length of time in seconds: "2 h 5 min", "40 s". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  for (const [large, name, small, smallName] of STEPS) {
    if (whole >= large) {
      const rest = Math.floor((whole % large) / small);
      return rest > 0 ? `${Math.floor(whole / large)} ${name} ${rest} ${smallName}` : `${whole / large} ${name}`;
    }
  }
  return `${whole} s`;
}

/** A number of a chart or a table, with as many digits as say something. */
export function number(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return grouped.format(value);
  return new Intl.NumberFormat("en-US", { maximumSignificantDigits: 7 }).format(value);
}

/** The first characters of an id, enough to tell it from its neighbours. */
export const brief = (id) => (id.length > 12 ? id.slice(0, 8) : id);
