// Shows what a visit begins with, from index.html alone. A plain script, so that it runs while the page is being
// read; the modules that bring the screen to life are asked for when it has been painted.

"use strict";
{
  const MODULES = {
    "sign-in": ["./app.js", "./pages/sign_in.js"],
    "signing-in": ["./app.js", "./frame.js"],
    frame: ["./app.js", "./frame.js"],
    insecure: [], // here the browser keeps from pages what signing needs
  };

  function hasSession() {
    try {
      return sessionStorage.getItem("finspace.session") !== null;
    } catch {
      return false; // a browser may refuse any storage
    }
  }

  function firstScreen() {
    if (!isSecureContext) return "insecure";
    if (location.hash.startsWith("#sign-in=")) return "signing-in";
    return hasSession() ? "frame" : "sign-in";
  }

  const copy = (id) => document.getElementById(id).content.cloneNode(true);

  function load(modules) {
    Promise.all(modules.map((name) => import(name))).catch((error) => {
      console.error(error);
      document.querySelector("#app main").prepend(copy("cut-short"));
    });
  }

  const LONGEST_WAIT = 300; // a tab in the background paints nothing for now, and some browsers tell of no paint

  function whenPainted(work) {
    let isDone = false;
    const once = () => {
      if (!isDone) work();
      isDone = true;
    };
    new PerformanceObserver(once).observe({ type: "paint", buffered: true });
    setTimeout(once, document.hidden ? 0 : LONGEST_WAIT);
  }

  const screen = firstScreen();
  document.getElementById("app").append(copy(screen));
  // A form that is sent before its module is here: the module sends it again.
  document
    .querySelector("#app form")
    ?.addEventListener("submit", ({ target }) => (target.dataset.sent = ""), { once: true });
  whenPainted(() => load(MODULES[screen]));
}
