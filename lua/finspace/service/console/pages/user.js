// One user: what they are, which groups they are in, and what can be done about it.

import { all, call } from "../api.js";
import { confirm, form, open, problem } from "../dialog.js";
import { announce, badge, button, choice, empty, field, fill, h, statusBadge, table } from "../dom.js";
import { time } from "../format.js";
import * as session from "../session.js";
import { nameOf, showPassword, userFields } from "./users.js";

function facts(user) {
  const rows = [
    ["E-mail", user.emailAddress],
    ["Type", user.type === "SUPER_USER" ? "super user: may do everything" : "user: what their groups may do"],
    ["API access", user.apiAccess === "ENABLED" ? "may have keys for programs" : "none"],
    ["Role", user.apiAccessPrincipalArn],
    ["Id", user.userId],
    ["Made", time(user.createTime)],
    ["Last sign-in", user.lastLoginTime ? time(user.lastLoginTime) : "never"],
  ];
  return h(
    "dl",
    { class: "facts" },
    rows.filter(([, value]) => value).map(([name, value]) => [h("dt", name), h("dd", value)]),
  );
}

async function toggle(user, reload) {
  const { userId } = user;
  if (user.status === "DISABLED") {
    await call("EnableUser", { userId });
    announce("User enabled");
    return reload();
  }
  const text = `${nameOf(user)} is signed out, and all keys of theirs stop working, at once. What they made stays.`;
  if (await confirm("Disable user", text, "Disable", () => call("DisableUser", { userId }))) reload();
}

function edit(user, reload) {
  const dialog = open("Edit user");
  const { fields, read } = userFields(user);
  const submit = async () => {
    await call("UpdateUser", { userId: user.userId, ...read() });
    dialog.close();
    announce("User changed");
    reload();
  };
  fill(dialog.body, form(fields, "Save", submit));
}

function reset(user) {
  const dialog = open("Reset password");
  const submit = async () => {
    const { temporaryPassword } = await call("ResetUserPassword", { userId: user.userId });
    showPassword(dialog, user.emailAddress, temporaryPassword);
  };
  const cancel = button("Cancel", dialog.close);
  fill(
    dialog.body,
    form(
      h("p", `The password of ${nameOf(user)} ends now, and a temporary one takes its place.`),
      "Reset password",
      submit,
      { extra: cancel },
    ),
  );
}

// A button whose work may fail says so beside it.
function acting(label, work, props) {
  const place = h("div", { class: "form-problem" });
  const go = button(
    label,
    async () => {
      fill(place);
      try {
        await work();
      } catch (error) {
        fill(place, problem(error));
      }
    },
    props,
  );
  return { go, place };
}

function membershipRow(group, user, reload) {
  const { go, place } = acting(
    "Remove",
    async () => {
      await call("DisassociateUserFromPermissionGroup", {
        permissionGroupId: group.permissionGroupId,
        userId: user.userId,
      });
      announce("Removed from the group");
      reload();
    },
    { kind: "small", "aria-label": `Remove from ${group.name}` },
  );
  return h(
    "tr",
    h("th", { scope: "row" }, h("a", { href: `#/groups/${group.permissionGroupId}` }, group.name)),
    h("td", h("div", { class: "row-actions" }, go), place),
  );
}

function joining(user, memberships, groups, reload) {
  const inside = new Set(memberships.map(({ permissionGroupId }) => permissionGroupId));
  const others = groups.filter(({ permissionGroupId }) => !inside.has(permissionGroupId));
  if (others.length === 0) return null;
  const select = choice(others.map(({ permissionGroupId, name }) => [permissionGroupId, name]));
  const submit = async () => {
    await call("AssociateUserToPermissionGroup", { permissionGroupId: select.value, userId: user.userId });
    announce("Added to the group");
    reload();
  };
  return form(field("Add to group", select), "Add", submit, { kind: "" });
}

/** Shows the screen. */
export async function show(main, parts, screen) {
  const [userId] = parts;
  const reload = () => screen.isShown() && show(main, parts, screen);
  const [user, memberships] = await Promise.all([
    call("GetUser", { userId }),
    all("ListPermissionGroupsByUser", { userId }),
  ]);
  const groups = await all("ListPermissionGroups").catch(() => []);
  if (!screen.isShown()) return;
  const isSelf = session.current()?.userId === userId;
  const { go, place } = acting(user.status === "DISABLED" ? "Enable" : "Disable", () => toggle(user, reload), {
    kind: user.status === "DISABLED" ? "" : "danger",
  });
  const rows = memberships.map((group) => membershipRow(group, user, reload));
  const heads = ["Group", { unseen: "Remove" }];
  fill(
    main,
    h("p", { class: "crumb" }, h("a", { href: "#/users" }, "Users")),
    h(
      "div",
      { class: "head" },
      h("h1", nameOf(user), " ", statusBadge(user.status), isSelf && [" ", badge("you")]),
      button("Edit", () => edit(user, reload)),
      button("Reset password", () => reset(user)),
      go,
    ),
    place,
    h("div", { class: "card" }, facts(user)),
    h(
      "div",
      { class: "card steps" },
      h("h2", "Groups"),
      rows.length > 0 ? table("Groups", heads, rows, { class: "list" }) : empty("In no group."),
      joining(user, memberships, groups, reload),
    ),
  );
}
