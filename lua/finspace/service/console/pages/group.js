// One permission group: what its members may do, and who they are.

import { all, call } from "../api.js";
import { confirm, form, open } from "../dialog.js";
import { announce, button, choice, empty, field, fill, h, statusBadge, table } from "../dom.js";
import { groupFields, labelOf } from "./groups.js";
import { nameOf } from "./users.js";

function edit(group, reload) {
  const dialog = open("Edit group");
  const { fields, read } = groupFields(group);
  const { permissionGroupId } = group;
  const submit = async () => {
    await call("UpdatePermissionGroup", { permissionGroupId, ...read() });
    dialog.close();
    announce("Group changed");
    reload();
  };
  const remove = button(
    "Delete group…",
    async () => {
      dialog.close();
      const text = `“${group.name}” is deleted: its members lose what it let them do.`;
      if (await confirm("Delete group", text, "Delete", () => call("DeletePermissionGroup", { permissionGroupId })))
        location.hash = "#/groups";
    },
    { kind: "quiet danger" },
  );
  fill(dialog.body, form(fields, "Save", submit, { extra: remove }));
}

function memberRow(user, group, reload) {
  const remove = () =>
    confirm(
      "Remove from group",
      `${nameOf(user)} loses what “${group.name}” lets its members do.`,
      "Remove",
      async () => {
        await call("DisassociateUserFromPermissionGroup", {
          permissionGroupId: group.permissionGroupId,
          userId: user.userId,
        });
        announce("Removed from the group");
      },
    ).then((isDone) => isDone && reload());
  return h(
    "tr",
    h("th", { scope: "row" }, h("a", { href: `#/users/${user.userId}` }, nameOf(user))),
    h("td", { "data-label": "E-mail" }, user.emailAddress),
    h("td", { "data-label": "Status" }, statusBadge(user.status)),
    h(
      "td",
      h(
        "div",
        { class: "row-actions" },
        button("Remove", remove, { kind: "small", "aria-label": `Remove ${nameOf(user)}` }),
      ),
    ),
  );
}

function adding(group, members, users, reload) {
  const inside = new Set(members.map(({ userId }) => userId));
  const others = users.filter(({ userId }) => !inside.has(userId));
  if (others.length === 0) return null;
  const select = choice(others.map((user) => [user.userId, `${nameOf(user)} (${user.emailAddress})`]));
  const submit = async () => {
    await call("AssociateUserToPermissionGroup", { permissionGroupId: group.permissionGroupId, userId: select.value });
    announce("Added to the group");
    reload();
  };
  return form(field("Add user", select), "Add", submit, { kind: "" });
}

const HEADS = ["Name", "E-mail", "Status", { unseen: "Remove" }];

/** Shows the screen. */
export async function show(main, parts, screen) {
  const [permissionGroupId] = parts;
  const reload = () => screen.isShown() && show(main, parts, screen);
  const [{ permissionGroup: group }, members, users] = await Promise.all([
    call("GetPermissionGroup", { permissionGroupId }),
    all("ListUsersByPermissionGroup", { permissionGroupId }),
    all("ListUsers"),
  ]);
  if (!screen.isShown()) return;
  const rows = members.map((user) => memberRow(user, group, reload));
  const may = group.applicationPermissions.map((permission) => h("li", labelOf(permission)));
  fill(
    main,
    h("p", { class: "crumb" }, h("a", { href: "#/groups" }, "Groups")),
    h(
      "div",
      { class: "head" },
      h("h1", group.name),
      button("Edit", () => edit(group, reload)),
    ),
    group.description && h("p", { class: "description" }, group.description),
    h(
      "div",
      { class: "card" },
      h("h2", "Its members may"),
      may.length > 0
        ? h("ul", { class: "plain" }, may)
        : h("p", { class: "none" }, "Nothing by this group alone; datasets may be shared with it."),
    ),
    h(
      "div",
      { class: "card steps" },
      h("h2", "Members"),
      rows.length > 0
        ? table("Members", HEADS, rows, { class: "list stacking" })
        : empty("Nobody is in this group yet."),
      adding(group, members, users, reload),
    ),
  );
}
