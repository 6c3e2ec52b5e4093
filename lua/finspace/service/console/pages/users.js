// Users: who there is, and new ones.

import { call, pages } from "../api.js";
import { form, open, problem } from "../dialog.js";
import {
  announce,
  badge,
  button,
  check,
  choice,
  copyButton,
  empty,
  field,
  fill,
  h,
  statusBadge,
  table,
  waiting,
} from "../dom.js";
import { plural, time } from "../format.js";

/** A user's name, or else the address. */
export const nameOf = ({ firstName, lastName, emailAddress }) =>
  [firstName, lastName].filter(Boolean).join(" ") || emailAddress;

/** Shows a temporary password, this once. */
export function showPassword(dialog, emailAddress, password) {
  const input = h("input", { type: "text", readonly: true, class: "code", value: password });
  const made = field("Temporary password", input, "It is shown this once, and must be changed at the first sign-in.");
  made.classList.add("copyable");
  made.querySelector("input").after(copyButton(password, "Temporary password"));
  fill(
    dialog.body,
    h("p", { role: "status" }, `Give this to ${emailAddress}:`),
    made,
    h("div", { class: "actions" }, button("Done", dialog.close, { kind: "primary" })),
  );
  input.select();
}

function row(user) {
  return h(
    "tr",
    h("th", { scope: "row" }, h("a", { href: `#/users/${user.userId}` }, nameOf(user))),
    h("td", { "data-label": "E-mail" }, user.emailAddress),
    h("td", { "data-label": "Type" }, user.type === "SUPER_USER" ? badge("super user") : "user"),
    h("td", { "data-label": "Status" }, statusBadge(user.status)),
    h("td", { "data-label": "Last sign-in" }, user.lastLoginTime ? time(user.lastLoginTime) : "never"),
  );
}

const TYPES = [
  ["APP_USER", "User: what their groups may do"],
  ["SUPER_USER", "Super user: everything"],
];

/** The controls of a user, with what they have now. @returns {fields, read} */
export function userFields({ firstName = "", lastName = "", type = "APP_USER", apiAccess } = {}) {
  const name = (value) => h("input", { type: "text", autocomplete: "off", maxlength: 50, value });
  const [first, last] = [name(firstName), name(lastName)];
  const kind = choice(TYPES, type);
  const access = check("API access: may have keys for programs", { checked: apiAccess === "ENABLED" });
  const read = () => ({
    firstName: first.value.trim() || undefined,
    lastName: last.value.trim() || undefined,
    type: kind.value,
    apiAccess: access.box.checked ? "ENABLED" : "DISABLED",
  });
  const names = h("div", { class: "pair" }, field("First name", first), field("Last name", last));
  return { fields: [names, field("Type", kind), access], read };
}

function create(reload) {
  let userId = null; // a second try resets the password of the user that the first one made
  const dialog = open("Create user", { onclose: () => userId && reload() });
  const email = h("input", {
    type: "email",
    required: true,
    autocomplete: "off",
    maxlength: 320,
    "data-rule": "give the address as name@example.com",
  });
  const { fields, read } = userFields();
  const submit = async () => {
    const emailAddress = email.value.trim();
    userId ??= (await call("CreateUser", { emailAddress, ...read() })).userId;
    const { temporaryPassword } = await call("ResetUserPassword", { userId });
    announce("User created");
    showPassword(dialog, emailAddress, temporaryPassword);
  };
  fill(dialog.body, form([field("E-mail", email), fields], "Create user", submit));
}

const HEADS = ["Name", "E-mail", "Type", "Status", "Last sign-in"];

/** Shows the screen. */
export async function show(main, parts, screen) {
  const reload = () => screen.isShown() && show(main, parts, screen);
  const place = h("div", { class: "list-place" }, waiting("Loading users"));
  fill(
    main,
    h(
      "div",
      { class: "head" },
      h("h1", "Users"),
      button("Create user", () => create(reload), { kind: "primary" }),
    ),
    place,
  );
  const users = [];
  try {
    for await (const page of pages("ListUsers")) {
      if (!screen.isShown()) return;
      users.push(...page);
      fill(
        place,
        h("p", { class: "tally", role: "status" }, plural(users.length, "user")),
        table("Users", HEADS, users.map(row), { class: "list stacking" }),
      );
    }
    if (users.length === 0) fill(place, empty("There are no users."));
  } catch (error) {
    fill(place, problem(error, reload));
  }
}
