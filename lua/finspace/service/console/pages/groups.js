// Permission groups: which there are, and new ones.

import { call, pages } from "../api.js";
import { form, open, problem } from "../dialog.js";
import { announce, button, check, empty, field, fill, h, table, waiting } from "../dom.js";
import { plural } from "../format.js";

const PERMISSIONS = [
  ["CreateDataset", "Create datasets"],
  ["ManageClusters", "Manage clusters"],
  ["ManageUsersAndGroups", "Manage users and groups"],
  ["ManageAttributeSets", "Manage attribute sets"],
  ["ViewAuditData", "View audit data"],
  ["AccessNotebooks", "Access notebooks"],
  ["GetTemporaryCredentials", "Get API credentials"],
];

/** What an application permission is called. */
export const labelOf = (permission) => PERMISSIONS.find(([name]) => name === permission)?.[1] ?? permission;

/** The controls of a group, with what it has now. @returns {fields, read} */
export function groupFields({ name = "", description = "", applicationPermissions = [] } = {}) {
  const title = h("input", {
    type: "text",
    required: true,
    maxlength: 255,
    value: name,
    autocomplete: "off",
    "data-rule": "give it a name of 1 to 255 characters",
  });
  const about = h("textarea", { rows: 2, maxlength: 4000 }, description);
  const boxes = PERMISSIONS.map(([value, label]) =>
    check(label, { value, checked: applicationPermissions.includes(value) }),
  );
  const read = () => ({
    name: title.value.trim(),
    description: about.value.trim() || undefined,
    applicationPermissions: boxes.filter(({ box }) => box.checked).map(({ box }) => box.value),
  });
  const fields = [
    field("Name", title),
    field("Description", about),
    h("fieldset", h("legend", "Its members may"), h("div", { class: "checks" }, boxes)),
  ];
  return { fields, read };
}

function create() {
  const dialog = open("Create group");
  const { fields, read } = groupFields();
  const submit = async () => {
    const { permissionGroupId } = await call("CreatePermissionGroup", read());
    dialog.close();
    announce("Group created");
    location.hash = `#/groups/${permissionGroupId}`;
  };
  fill(dialog.body, form(fields, "Create group", submit));
}

function row(group) {
  return h(
    "tr",
    h("th", { scope: "row" }, h("a", { href: `#/groups/${group.permissionGroupId}` }, group.name)),
    h("td", { "data-label": "Description" }, group.description ?? "–"),
    h("td", { "data-label": "Members may" }, group.applicationPermissions.map(labelOf).join(", ") || "–"),
  );
}

/** Shows the screen. */
export async function show(main, parts, screen) {
  const place = h("div", { class: "list-place" }, waiting("Loading groups"));
  fill(
    main,
    h("div", { class: "head" }, h("h1", "Groups"), button("Create group", create, { kind: "primary" })),
    place,
  );
  const groups = [];
  try {
    for await (const page of pages("ListPermissionGroups")) {
      if (!screen.isShown()) return;
      groups.push(...page);
      fill(
        place,
        h("p", { class: "tally", role: "status" }, plural(groups.length, "group")),
        table("Groups", ["Name", "Description", "Members may"], groups.map(row), { class: "list stacking" }),
      );
    }
    if (groups.length === 0) fill(place, empty("There are no groups yet."));
  } catch (error) {
    fill(
      place,
      problem(error, () => show(main, parts, screen)),
    );
  }
}
