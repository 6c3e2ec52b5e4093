// The console's frame: who is signed in, which screen is shown, the bar above it.

import * as api from "./api.js";
import { problem } from "./dialog.js";
import { announce, button, fill, h, mark, s, waiting } from "./dom.js";
import { duration } from "./format.js";
import * as session from "./session.js";
import { indicator } from "./transfer.js";

const app = document.getElementById("app");

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

const NAVIGATION = [
  ["datasets", "Datasets"],
  ["users", "Users"],
  ["groups", "Groups"],
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

const GEAR =
  "M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Zm8.6 5-.1-3 1.6-1.2-1.9-3.3-1.9.8-2.5-1.5L15.500 3h-3.900l-.3 2.300-2.500 1.500-1.900-.8-1.900 3.300L6.600 10.500v3L5 14.700 6.900 18l1.900-.8 2.500 1.500.3 2.300h3.900l.3-2.300 2.500-1.500 1.900.8 1.900-3.300Z";

function icon(path) {
  return s("svg", { viewBox: "0 0 26 24", "aria-hidden": "true", class: "icon" }, s("path", { d: path }));
}

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

function gear() {
  const trigger = h(
    "button",
    {
      type: "button",
      class: "gear",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      "aria-label": "Settings",
      onclick: toggle,
    },
    icon(GEAR),
  );
  let close = null;
  function toggle() {
    if (trigger.getAttribute("aria-expanded") === "true") return close(true);
    const { environmentId, region } = session.current() ?? {};
    close = openMenu(trigger, [
      h("button", { type: "button", role: "menuitem", onclick: showCredentials }, "API Credentials"),
      h("button", { type: "button", role: "menuitem", onclick: showPassword }, "Change password"),
      h(
        "dl",
        { class: "facts", role: "presentation" },
        h("dt", "Environment"),
        h("dd", { class: "code" }, environmentId),
        h("dt", "Region"),
        h("dd", region),
      ),
      h("button", { type: "button", role: "menuitem", onclick: session.signOut }, "Sign out"),
    ]);
  }
  return h("div", { class: "settings" }, trigger);
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
function timeLeft() {
  const place = h("span", { class: "time-left" });
  const update = () => {
    const left = session.left();
    const text = left > 0 && left < SOON ? `Session ends in ${duration(left / 1000)}` : "";
    if (place.textContent !== text) place.textContent = text;
    if (place.isConnected || !place.dataset.seen) setTimeout(update, 5000);
    place.dataset.seen = "yes";
  };
  update();
  return place;
}

function bar(main) {
  const links = NAVIGATION.map(([section, label]) => h("a", { href: `#/${section}`, "data-section": section }, label));
  const skip = button("Skip to content", () => (main.querySelector("h1") ?? main).focus(), { kind: "skip" });
  return h(
    "header",
    { class: "bar" },
    skip,
    h("a", { class: "brand", href: "#/datasets", "aria-label": "finspace: datasets" }, mark(), "finspace"),
    h("nav", { "aria-label": "Sections" }, links),
    indicator(),
    timeLeft(),
    gear(),
  );
}

// --- beginning and end -----------------------------------------------------------------------------

let isFramed = false;
let shownTo = null; // the user whom the frame was made for

function showFrame() {
  shownTo = session.current().userId;
  const main = h("main", { id: "main", tabindex: -1 });
  fill(app, bar(main), main);
  isFramed = true;
  showScreen(main);
}

async function showSignIn(reason) {
  isFramed = false;
  shown += 1;
  leave();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  document.title = "Sign in · finspace";
  const page = await import("./pages/sign_in.js");
  if (!session.current()) page.show(fill(app, h("main", { id: "main", class: "outside" })).firstChild, reason);
}

// The token is taken out of the address before anything else is done.
function takeLink() {
  const token = location.hash.match(/^#sign-in=(.+)$/)?.[1];
  if (token) history.replaceState(null, "", "/");
  return token;
}

async function start() {
  if (!window.isSecureContext) return showSignIn("insecure");
  const link = takeLink();
  if (link) {
    isFramed = false;
    fill(app, h("main", { class: "outside" }, waiting("Signing in")));
    const { ok, message } = await session.signIn({ link });
    if (!ok) showSignIn({ message });
  } else if (session.current()) showFrame();
  else showSignIn();
}

session.onChange((reason) => {
  if (reason === "began" && !(isFramed && shownTo === session.current().userId)) showFrame();
  if (reason === "signed out") {
    announce("Signed out");
    history.replaceState(null, "", "/");
    showSignIn("signed out");
  }
  if (reason === "expired" && isFramed) askAgain();
});

// A session that ends while somebody works is renewed above what they see, so that nothing is lost.
let asking = null;

function askAgain() {
  asking ??= import("./pages/sign_in.js").then((page) => page.askAgain()).finally(() => (asking = null));
  return asking;
}

api.onEnded(askAgain);
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#sign-in=")) start();
  else if (isFramed) showScreen(document.getElementById("main"));
});
start();
