// Signing in: e-mail and password, a temporary password that must be changed, a session that has ended.

import { bring, form, mistake, open, problem } from "../dialog.js";
import { button, copyOf, field, fill, freshId, h } from "../dom.js";
import * as session from "../session.js";

const SHORTEST = 8;

// --- fields ----------------------------------------------------------------------------------------

// They are as index.html has them.
function input(name) {
  const made = copyOf("sign-in").querySelector(`input[name=${name}]`);
  made.id = freshId("field");
  return made;
}

const emailInput = () => input("username");

function passwordInput(kind = "current-password") {
  const made = input("password");
  made.autocomplete = kind;
  return made;
}

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
};

const note = (reason) => REASONS[reason] && h("p", { class: "note", role: "status" }, REASONS[reason]);

/**
 * Brings the page to life.
 * @param main holds what index.html has for it
 * @param reason why it is shown, or {message} of a link that did not work
 */
export function show(main, reason) {
  const [email, password] = main.querySelectorAll("input");
  const submit = async () => {
    const result = await session.signIn({ emailAddress: email.value.trim(), password: password.value });
    if (result.ok) return;
    if (result.code === "PasswordChangeRequired") return showChange(main, email.value.trim(), password.value);
    throw refusal(result);
  };
  const why = reason?.message ? problem(mistake(reason.message)) : note(reason);
  if (why) main.querySelector("h1").after(why);
  bring(main.querySelector("form"), submit);
  if (document.activeElement === document.body) email.focus();
}

function showAnew(main) {
  main.replaceWith(copyOf("sign-in"));
  show(document.getElementById("main"));
}

function showChange(main, emailAddress, password) {
  const fresh = newPasswordFields();
  const email = emailInput();
  email.value = emailAddress;
  email.readOnly = true;
  const submit = async () => {
    const result = await session.signIn({ emailAddress, password, newPassword: fresh.read() });
    if (!result.ok) throw refusal(result);
  };
  const back = button("Back", () => showAnew(main));
  fill(
    main.querySelector(".card"),
    main.querySelector(".mark"),
    h("h1", "Choose your password"),
    h("p", "The one you signed in with is temporary: it ends now."),
    form([field("E-mail", email), fresh.fields], "Change and sign in", submit, { extra: back }),
  );
  fresh.first.focus();
}

// --- above the page --------------------------------------------------------------------------------

/** Asks for the password in a dialog. @returns whether somebody is signed in afterwards */
export async function askAgain() {
  const dialog = open("Your session has ended", { isFixed: true });
  const email = emailInput();
  const password = passwordInput();
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
  const password = passwordInput();
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
