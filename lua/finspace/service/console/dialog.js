// Dialogs, and the errors and waits of what is done in them.

import { button, copyButton, fill, freshId, h } from "./dom.js";

/** An error as people need it: what happened, why, and what to do next. */
export function problem(error, retry) {
  const advice = error.advice ? h("p", { class: "advice" }, error.advice) : null;
  const detail = error.detail && snippet(error.detail, "What to set");
  const again = retry && button("Try again", retry, { kind: "small" });
  if (!error.code && error.name !== "Problem") console.error(error);
  const known = error.code || error.name === "Problem";
  const message = known ? error.message : `Something went wrong in this page: ${error.message}`;
  return h("div", { class: "problem", role: "alert" }, h("p", sentence(message)), advice, detail, again);
}

/** Lines to be copied. */
export function snippet(text, label) {
  return h("div", { class: "snippet" }, h("pre", { tabindex: 0, "aria-label": label }, text), copyButton(text, label));
}

/** What happened as a sentence: it starts large and ends with a stop. */
export function sentence(text) {
  const stopped = /[.!?]$/.test(text) ? text : text + ".";
  return stopped[0].toUpperCase() + stopped.slice(1);
}

/** A mistake that the page itself has found. */
export function mistake(message, advice) {
  return Object.assign(new Error(message), { name: "Problem", advice });
}

/** Opens a dialog. @returns {element, body, close, closed: a promise} */
export function open(title, { wide = false, isFixed = false, onclose } = {}) {
  const id = freshId("dialog");
  const body = h("div", { class: "dialog-body" });
  const shut = button("×", () => element.close(), { kind: "close", "aria-label": "Close" });
  const element = h(
    "dialog",
    { class: wide ? "wide" : "", "aria-labelledby": id },
    h("header", h("h2", { id }, title), isFixed ? null : shut),
    body,
  );
  if (isFixed) element.addEventListener("cancel", (event) => event.preventDefault());
  const closed = new Promise((resolve) =>
    element.addEventListener("close", () => {
      element.remove();
      onclose?.();
      resolve();
    }),
  );
  document.body.append(element);
  element.showModal();
  queueMicrotask(() => body.querySelector("input:not([type=checkbox]), select, textarea")?.focus());
  return { element, body, close: () => element.close(), closed };
}

/**
 * A form that does one thing: while it works its button waits, and what goes wrong stands beside it.
 * @param action the button's label
 * @param submit what is done; raises what went wrong
 */
export function form(fields, action, submit, { kind = "primary", extra } = {}) {
  const go = h("button", { type: "submit", class: `button ${kind}` }, action);
  const place = h("div", { class: "form-problem" });
  return bring(
    h("form", { class: "form", novalidate: true }, fields, place, h("div", { class: "actions" }, extra, go)),
    submit,
  );
}

/** Brings a form to life that is there already; one that was sent before is sent now. */
export function bring(element, submit) {
  const place = element.querySelector(".form-problem");
  const go = element.querySelector("[type=submit]");
  async function onsubmit(event) {
    event.preventDefault();
    if (go.disabled) return;
    fill(place);
    go.disabled = true;
    go.classList.add("busy");
    try {
      checkControls(element);
      await submit();
    } catch (error) {
      fill(place, problem(error));
    }
    go.disabled = false;
    go.classList.remove("busy");
  }
  element.addEventListener("submit", onsubmit);
  if (element.dataset.sent !== undefined) element.requestSubmit();
  return element;
}

function checkControls(element) {
  for (const control of element.elements) {
    control.removeAttribute("aria-invalid");
    if (control.willValidate && !control.checkValidity()) {
      control.setAttribute("aria-invalid", "true");
      control.focus();
      const label = control.labels?.[0]?.textContent ?? "A field";
      throw mistake(`${label}: ${control.dataset.rule ?? control.validationMessage}`);
    }
  }
}

/** Asks before something is done that cannot be undone. @returns a promise of whether it was done */
export function confirm(title, text, action, work) {
  return new Promise((resolve) => {
    let isDone = false;
    const dialog = open(title, { onclose: () => resolve(isDone) });
    const submit = async () => {
      await work();
      isDone = true;
      dialog.close();
    };
    const cancel = button("Cancel", dialog.close);
    fill(dialog.body, form(h("p", text), action, submit, { kind: "danger", extra: cancel }));
  });
}
