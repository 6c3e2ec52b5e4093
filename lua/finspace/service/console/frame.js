// The frame around the screens: the bar, the gear menu, and which screen is shown.

import * as api from "./api.js";
import { problem } from "./dialog.js";
import { copyOf, fill, h, waiting } from "./dom.js";
import { duration } from "./format.js";
import * as session from "./session.js";
import { indicator } from "./transfer.js";

// --- screens ---------------------------------------------------------------------------------------

// Each is loaded when it is first shown.
const SCREENS = [
  [/^datasets$/, () => import("./pages/datasets.js")],
  [/^datasets\/([^/]+)(?:\/(\w+))?$/, () => import("./pages/dataset.js")],
  [/^users$/, () => import("./pages/users.js")],
  [/^users\/([^/]+)$/, () => import("./pages/user.js")],
  [/^groups$/, () => import("./pages/groups.js")],
  [/^groups\/([^/]+)$/, () => import("./pages/group.js")],
];

const route = () => location.hash.replace(/^#\/?/, "") || "datasets";

function find(path) {
  for (const [pattern, load] of SCREENS) {
    const match = path.match(pattern);
    if (match) return { load, parts: match.slice(1).map((part) => part && decodeURIComponent(part)) };
  }
  return null;
}

// What is left stays in sight, faded, until the next screen has something to show.
function showBusy(main) {
  main.setAttribute("aria-busy", "true");
  const observer = new MutationObserver(() => {
    main.removeAttribute("aria-busy");
    observer.disconnect();
  });
  observer.observe(main, { childList: true });
}

let shown = 0;
let leave = () => {};

// A screen that was left while it loaded shows nothing any more.
async function showScreen(main) {
  const turn = ++shown;
  leave();
  leave = () => {};
  const screen = find(route());
  markNavigation();
  if (!screen)
    return fill(
      main,
      h("h1", { tabindex: -1 }, "There is no such page"),
      h("p", { class: "hint" }, "Its address may be mistyped, or what it showed is gone."),
      h("a", { class: "button", href: "#/datasets" }, "To the datasets"),
    );
  if (main.hasChildNodes()) showBusy(main);
  else fill(main, waiting("Loading"));
  try {
    const page = await screen.load();
    const left = new AbortController();
    leave = () => left.abort();
    const isShown = () => turn === shown;
    if (isShown()) await page.show(main, screen.parts, { isShown, signal: left.signal });
  } catch (error) {
    if (turn === shown)
      fill(
        main,
        problem(error, () => showScreen(main)),
      );
  }
  if (turn === shown) arrive(main);
}

function arrive(main) {
  const heading = main.querySelector("h1");
  if (!heading) return;
  document.title = `${heading.textContent} · finspace`;
  heading.tabIndex = -1;
  if (document.activeElement === document.body) heading.focus({ preventScroll: true });
}

function markNavigation() {
  const section = route().split("/")[0];
  for (const link of document.querySelectorAll(".bar nav a")) {
    if (link.dataset.section === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// --- the gear menu ---------------------------------------------------------------------------------

function openMenu(trigger, items) {
  const menu = h("div", { class: "menu", role: "menu", "aria-label": "Settings" }, items);
  trigger.after(menu);
  trigger.setAttribute("aria-expanded", "true");
  const choices = () => [...menu.querySelectorAll("[role=menuitem]")];
  const close = (takeFocus) => {
    menu.remove();
    trigger.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside);
    if (takeFocus) trigger.focus();
  };
  const outside = (event) => menu.contains(event.target) || trigger.contains(event.target) || close(false);
  const move = (by) => {
    const all = choices();
    all[(all.indexOf(document.activeElement) + by + all.length) % all.length].focus();
  };
  const KEYS = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Escape: () => close(true),
    Tab: () => close(false),
    Home: () => choices()[0].focus(),
    End: () => choices().at(-1).focus(),
  };
  menu.addEventListener("keydown", (event) => {
    if (!KEYS[event.key]) return;
    if (event.key !== "Tab") event.preventDefault();
    KEYS[event.key]();
  });
  menu.addEventListener("click", (event) => event.target.closest("[role=menuitem]") && close(true));
  document.addEventListener("pointerdown", outside);
  choices()[0].focus();
  return close;
}

function menuItems() {
  const { environmentId, region } = session.current() ?? {};
  const facts = [h("dt", "Environment"), h("dd", { class: "code" }, environmentId), h("dt", "Region"), h("dd", region)];
  return [
    h("button", { type: "button", role: "menuitem", onclick: showCredentials }, "API Credentials"),
    h("button", { type: "button", role: "menuitem", onclick: showPassword }, "Change password"),
    h("dl", { class: "facts", role: "presentation" }, facts),
    h("button", { type: "button", role: "menuitem", onclick: session.signOut }, "Sign out"),
  ];
}

function bringMenu(trigger) {
  let close = null;
  trigger.addEventListener("click", () => {
    if (trigger.getAttribute("aria-expanded") === "true") close(true);
    else close = openMenu(trigger, menuItems());
  });
}

async function showCredentials() {
  (await import("./pages/credentials.js")).open();
}

async function showPassword() {
  (await import("./pages/sign_in.js")).changePassword();
}

// --- the bar ---------------------------------------------------------------------------------------

const SOON = 10 * 60 * 1000;

// How long the keys still last is worth a word only when it is short.
function showTimeLeft(place) {
  const left = session.left();
  const text = left > 0 && left < SOON ? `Session ends in ${duration(left / 1000)}` : "";
  if (place.textContent !== text) place.textContent = text;
  setTimeout(() => place.isConnected && showTimeLeft(place), 5000);
}

function bringBar(bar, main) {
  bar.querySelector(".skip").addEventListener("click", () => (main.querySelector("h1") ?? main).focus());
  bar.querySelector("nav").after(indicator());
  showTimeLeft(bar.querySelector(".time-left"));
  bringMenu(bar.querySelector(".gear"));
}

// --- beginning and end -----------------------------------------------------------------------------

let shownTo = null; // the user whom it was made for

/** Whether the frame was made for this user. */
export const isFor = (userId) => shownTo === userId;

/** Shows the frame to who is signed in, and in it the screen that the address names. */
export function show(app) {
  shownTo = session.current().userId;
  fill(app, copyOf("frame"));
  const main = app.querySelector("main");
  bringBar(app.querySelector(".bar"), main);
  main.replaceChildren();
  showScreen(main);
}

/** Ends what the screen at hand does. */
export function end() {
  shownTo = null;
  shown += 1;
  leave();
}

// A session that ends while somebody works is renewed above what they see, so that nothing is lost.
let asking = null;

function askAgain() {
  asking ??= import("./pages/sign_in.js").then((page) => page.askAgain()).finally(() => (asking = null));
  return asking;
}

api.onEnded(askAgain);
session.onChange((reason) => reason === "expired" && shownTo && askAgain());
addEventListener("hashchange", () => {
  if (shownTo && !location.hash.startsWith("#sign-in=")) showScreen(document.getElementById("main"));
});
