// Who is here: somebody who signs in, or somebody signed in, for whom the frame is shown.

import { announce, copyOf, fill } from "./dom.js";
import * as session from "./session.js";

const app = document.getElementById("app");

let frame = null; // its module, once somebody has been signed in

// The service may have stopped since the page came.
const sayCutShort = () => app.querySelector("main").prepend(copyOf("cut-short"));

async function showFrame() {
  frame ??= await import("./frame.js").catch(sayCutShort);
  if (session.current()) frame?.show(app);
}

// The form may be there already, from the page itself: then what has been typed stays.
async function showSignIn(reason) {
  frame?.end();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  document.title = "Sign in · finspace";
  const page = await import("./pages/sign_in.js");
  if (session.current()) return;
  if (!app.querySelector(".sign-in")) fill(app, copyOf("sign-in"));
  // What comes after signing in is fetched while somebody types.
  app.addEventListener("input", () => import("./frame.js").catch(() => {}), { once: true });
  page.show(app.querySelector("main"), reason);
}

// The token is taken out of the address before anything else is done.
function takeLink() {
  const token = location.hash.match(/^#sign-in=(.+)$/)?.[1];
  if (token) history.replaceState(null, "", "/");
  return token;
}

async function start() {
  const hasEnded = session.left() < 0;
  const link = takeLink();
  if (link) {
    frame?.end();
    fill(app, copyOf("signing-in"));
    const { ok, message } = await session.signIn({ link });
    if (ok) return;
    if (session.current()) showFrame();
    else showSignIn({ message });
  } else if (session.current()) showFrame();
  else showSignIn(hasEnded ? "expired" : undefined);
}

session.onChange((reason) => {
  if (reason === "began" && !frame?.isFor(session.current().userId)) showFrame();
  if (reason === "signed out") {
    announce("Signed out");
    history.replaceState(null, "", "/");
    showSignIn("signed out");
  }
});

addEventListener("hashchange", () => location.hash.startsWith("#sign-in=") && start());
start();
