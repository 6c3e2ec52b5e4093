// Signing in: e-mail and password, a temporary password that must be changed, a session that has ended.

import { form, mistake, open, problem } from "../dialog.js";
import { button, field, fill, h, mark } from "../dom.js";
import * as session from "../session.js";

const SHORTEST = 8;

const emailInput = () =>
  h("input", {
    type: "email",
    name: "username",
    autocomplete: "username",
    required: true,
    spellcheck: "false",
    "data-rule": "give the address as name@example.com",
  });

const passwordInput = (kind) =>
  h("input", {
    type: "password",
    name: kind,
    autocomplete: kind,
    required: true,
    maxlength: 256,
    "data-rule": "give your password",
  });

function newPasswordFields() {
  const first = passwordInput("new-password");
  const second = passwordInput("new-password");
  const fields = [
    field("New password", first, `At least ${SHORTEST} characters.`),
    field("New password again", second),
  ];
  const read = () => {
    if ([...first.value].length < SHORTEST) throw mistake(`The new password has fewer than ${SHORTEST} characters`);
    if (first.value !== second.value) throw mistake("The two new passwords differ", "Type the same one twice.");
    return first.value;
  };
  return { fields, read, first };
}

const refusal = ({ message, code }) => Object.assign(mistake(message), { code });

// --- the page --------------------------------------------------------------------------------------

const REASONS = {
  "signed out": "You are signed out.",
  expired: "Your session has ended: sign in again.",
  insecure: null,
};

function insecure() {
  return [
    h("h1", "This page needs a secure address"),
    h(
      "p",
      "It signs its requests with your keys, and browsers let it only over https, or on the machine itself (127.0.0.1).",
    ),
    h(
      "p",
      "Open it as https://…, or through a tunnel: ",
      h("code", "ssh -L 4510:127.0.0.1:4510 HOST"),
      ", then http://127.0.0.1:4510.",
    ),
  ];
}

function card(...content) {
  return h("div", { class: "card sign-in" }, mark(), content);
}

/** Shows the page; `reason` is why it is shown, or {message} of a link that did not work. */
export function show(main, reason) {
  if (reason === "insecure") return fill(main, card(insecure()));
  const email = emailInput();
  const password = passwordInput("current-password");
  const submit = async () => {
    const result = await session.signIn({ emailAddress: email.value.trim(), password: password.value });
    if (result.ok) return;
    if (result.code === "PasswordChangeRequired") return showChange(main, email.value.trim(), password.value);
    throw refusal(result);
  };
  fill(
    main,
    card(
      h("h1", "Sign in to finspace"),
      reason?.message && problem(mistake(reason.message)),
      REASONS[reason] && h("p", { class: "note", role: "status" }, REASONS[reason]),
      form([field("E-mail", email), field("Password", password)], "Sign in", submit),
      h(
        "p",
        { class: "hint" },
        "The owner of this service needs no password: ",
        h("code", "finspace console"),
        " on its machine opens this page signed in.",
      ),
    ),
  );
  email.focus();
}

function showChange(main, emailAddress, password) {
  const fresh = newPasswordFields();
  const username = h("input", {
    type: "email",
    name: "username",
    autocomplete: "username",
    value: emailAddress,
    readonly: true,
  });
  const submit = async () => {
    const result = await session.signIn({ emailAddress, password, newPassword: fresh.read() });
    if (!result.ok) throw refusal(result);
  };
  fill(
    main,
    card(
      h("h1", "Choose your password"),
      h("p", "The one you signed in with is temporary: it ends now."),
      form([field("E-mail", username), fresh.fields], "Change and sign in", submit, {
        extra: button("Back", () => show(main)),
      }),
    ),
  );
  fresh.first.focus();
}

// --- above the page --------------------------------------------------------------------------------

/** Asks for the password in a dialog. @returns whether somebody is signed in afterwards */
export async function askAgain() {
  const dialog = open("Your session has ended", { isFixed: true });
  const email = emailInput();
  const password = passwordInput("current-password");
  const submit = async () => {
    const result = await session.signIn({ emailAddress: email.value.trim(), password: password.value });
    if (!result.ok) throw refusal(result);
    dialog.close();
  };
  const leave = button("Sign out", () => {
    dialog.close();
    session.end("signed out");
  });
  fill(
    dialog.body,
    h(
      "p",
      "Keys last 60 minutes. Sign in, and what you were doing goes on. (The owner may open a new link of ",
      h("code", "finspace console"),
      " instead.)",
    ),
    form([field("E-mail", email), field("Password", password)], "Sign in", submit, { extra: leave }),
  );
  email.focus();
  const forget = session.onChange((reason) => reason === "began" && dialog.close()); // perhaps by the owner's link
  await dialog.closed;
  forget();
  return session.current() !== null;
}

/** Lets somebody who knows their password choose another. */
export function changePassword() {
  const dialog = open("Change password");
  const email = emailInput();
  const password = passwordInput("current-password");
  const fresh = newPasswordFields();
  const submit = async () => {
    const asked = { emailAddress: email.value.trim(), password: password.value, newPassword: fresh.read() };
    const result = await session.signIn(asked);
    if (!result.ok) throw refusal(result);
    fill(dialog.body, h("p", { role: "status" }, "Your password is changed."));
  };
  fill(
    dialog.body,
    form([field("E-mail", email), field("Present password", password), fresh.fields], "Change", submit),
  );
  email.focus();
}
