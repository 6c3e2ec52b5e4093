// Elements made of data. What comes from data becomes text and nothing else; characters that would
// be invisible, or would reorder what stands beside them, are shown as signs.

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function sign(character) {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
}

/** A text with its control characters made visible. */
export const visible = (text) => String(text).replace(CONTROL, sign);

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
  return element;
}

function set(element, name, value) {
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (value === true) element.setAttribute(name, "");
  else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
}

function build(element, given) {
  const [first, ...rest] = given;
  const hasProps = first !== null && typeof first === "object" && !(first instanceof Node) && !Array.isArray(first);
  for (const [name, value] of Object.entries(hasProps ? first : {})) set(element, name, value);
  return append(element, hasProps ? rest : given);
}

/** An element: `h("p", {class: "note", onclick: f}, "text", child, …)`. */
export const h = (tag, ...given) => build(document.createElement(tag), given);

/** An element of SVG. */
export const s = (tag, ...given) => build(document.createElementNS("http://www.w3.org/2000/svg", tag), given);

/** Puts other children into an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

/** A copy of what a template of index.html holds. */
export const copyOf = (id) => document.getElementById(id).content.cloneNode(true);

let lastId = 0;

/** A fresh id, for a label and what it names. */
export const freshId = (word) => `${word}-${++lastId}`;

// --- what screens share ----------------------------------------------------------------------------

/** A button; `kind` is "primary", "quiet", "danger" or nothing. */
export function button(label, onclick, props = {}) {
  const { kind = "", ...rest } = props;
  return h("button", { type: "button", class: `button ${kind}`.trim(), onclick, ...rest }, label);
}

/** A labelled control: `hint` stands below it and is read with it. */
export function field(label, control, hint) {
  control.id ||= freshId("field");
  const note = hint && h("span", { class: "hint", id: control.id + "-hint" }, hint);
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, note);
}

/** A list to choose one of: [[value, label], …]. */
export function choice(options, chosen, props = {}) {
  const items = options.map(([value, label]) => h("option", { value, selected: value === chosen }, label));
  return h("select", props, items);
}

/** A labelled checkbox. */
export function check(label, props = {}) {
  const box = h("input", { type: "checkbox", ...props });
  return Object.assign(h("label", { class: "check" }, box, h("span", label)), { box });
}

/** Says that something is on its way. */
export const waiting = (text) => h("p", { class: "waiting", role: "status" }, h("span", { class: "spinner" }), text);

/** A place with nothing in it, and what could be done about it. */
export const empty = (title, ...more) => h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), more);

/** A status as a word with a colour. */
export function badge(word, kind) {
  return h("span", { class: `badge ${kind ?? ""}` }, word);
}

const STATUS_KINDS = {
  SUCCESS: "good",
  ENABLED: "good",
  FAILED: "bad",
  TIMEOUT: "bad",
  CANCELLED: "bad",
  DISABLED: "off",
};

/** The badge of a changeset's, a view's or a user's status. */
export const statusBadge = (status) => badge(status, STATUS_KINDS[status] ?? "busy");

/** A table from column heads and rows of cells; a head is a text, {label, props}, or {unseen} for who cannot see the cells. */
export function table(caption, heads, rows, props = {}) {
  const head = heads.map((name) => {
    const { label, props: more, unseen } = typeof name === "object" ? name : { label: name };
    return h("th", { scope: "col", ...more }, unseen ? h("span", { class: "unseen" }, unseen) : label);
  });
  return h("table", props, h("caption", { class: "unseen" }, caption), h("thead", h("tr", head)), h("tbody", rows));
}

/** A button that copies a text, and says so. */
export function copyButton(text, what) {
  const made = button("Copy", copy, { kind: "small", "aria-label": `Copy ${what}` });
  async function copy() {
    await copyText(typeof text === "function" ? text() : text);
    made.textContent = "Copied";
    announce(`${what} copied`);
    setTimeout(() => (made.textContent = "Copy"), 1500);
  }
  return made;
}

async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h("textarea", { class: "unseen", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Tells screen readers what has changed. */
export function announce(text) {
  const region = document.getElementById("announcements");
  if (region) region.textContent = visible(text);
}
