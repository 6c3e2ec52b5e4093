// A dataset's changesets as a timeline: what came when, what became of it, what took whose place.

import { call } from "../api.js";
import { empty, fill, h, statusBadge } from "../dom.js";
import { brief, plural, time } from "../format.js";

const ASKED_EVERY = 1000;

/** Whether a changeset is still on its way. */
export const isAtWork = ({ status }) => status === "PENDING" || status === "RUNNING" || status === "STOP_REQUESTED";

// --- what hides what -------------------------------------------------------------------------------

const isReplaceAt = (moment) => (other) =>
  other.changeType === "REPLACE" && other.status === "SUCCESS" && other.activeFromTimestamp === moment;

// The service says until when a changeset counted; who ended that is who began to count then.
function replacer(changeset, all) {
  const { updatedByChangesetId, activeUntilTimestamp } = changeset;
  if (!activeUntilTimestamp) return null;
  const updated = all.find(({ changesetId, status }) => changesetId === updatedByChangesetId && status === "SUCCESS");
  if (updated?.activeFromTimestamp === activeUntilTimestamp) return updated;
  return all.find(isReplaceAt(activeUntilTimestamp)) ?? updated ?? null;
}

const link = (changeset) =>
  h(
    "a",
    { href: "", class: "code", onclick: (event) => jump(event, changeset.changesetId) },
    brief(changeset.changesetId),
  );

function jump(event, id) {
  event.preventDefault();
  const entry = document.getElementById(`changeset-${id}`);
  entry?.scrollIntoView({ block: "center" });
  entry?.focus();
}

function relation(changeset, all) {
  const { status, changeType, activeUntilTimestamp, updatesChangesetId } = changeset;
  const by = replacer(changeset, all);
  const parts = [];
  if (updatesChangesetId) {
    const earlier = all.find(({ changesetId }) => changesetId === updatesChangesetId);
    parts.push(
      h(
        "span",
        status === "SUCCESS" ? "Takes the place of " : "Is to take the place of ",
        earlier ? link(earlier) : brief(updatesChangesetId),
      ),
    );
  }
  const hidden = all.filter((other) => other !== changeset && replacer(other, all) === changeset);
  if (status === "SUCCESS" && changeType === "REPLACE")
    parts.push(
      h(
        "span",
        hidden.length > 0 ? `Replaces ${plural(hidden.length, "earlier changeset")}` : "Replaces all before it",
      ),
    );
  if (activeUntilTimestamp) {
    const how = by?.changeType === "MODIFY" ? "replaced by " : "hidden by REPLACE ";
    parts.push(h("span", "No longer counts since ", time(activeUntilTimestamp), by && [": ", how, link(by)]));
  }
  return parts;
}

// --- one changeset ---------------------------------------------------------------------------------

const PLACES = [
  ["Line", /\b(?:line|record|row)\s+(\d[\d,]*)/i],
  ["Column", /\bcolumn\s+(?:"([^"]+)"|([^\s",:]+))/i],
];

// Where a file was staged is nobody's business: its name says which one it is.
const withoutFolders = (message) => message.replace(/(?:s3:\/\/\S+?\/)?scratch\/[^\s"',:]*\//g, "");

function placesIn(message, { sourceParams = {} }) {
  const file = sourceParams.s3SourcePath?.split("/").filter(Boolean).pop();
  const found = PLACES.map(([label, pattern]) => [label, message.match(pattern)]).filter(([, match]) => match);
  const places = found.map(([label, match]) => [label, match[1] ?? match[2]]);
  return file && places.length > 0 ? [["File", file], ...places] : places;
}

/** Why a changeset or a view failed: the place where it can be told, and the service's own words. */
export function failure(subject, advice) {
  const message = withoutFolders(subject.errorInfo?.errorMessage ?? "The service gave no reason.");
  const list = placesIn(message, subject).map(([label, found]) => [h("dt", label), h("dd", { class: "code" }, found)]);
  return h(
    "div",
    { class: "failure" },
    list.length > 0 && h("dl", { class: "facts" }, list),
    h("p", { class: "reason" }, message),
    advice && h("p", { class: "advice" }, advice),
  );
}

const source = ({ sourceParams = {} }) => sourceParams.s3SourcePath?.split("/").filter(Boolean).pop() ?? "";

function entry(changeset, all) {
  const { changesetId, changeType, status, rowCount, createTime, activeUntilTimestamp } = changeset;
  const state = status === "FAILED" ? "bad" : isAtWork(changeset) ? "busy" : activeUntilTimestamp ? "past" : "good";
  const failed = status === "FAILED" && failure(changeset, "Correct the file, then load it again.");
  const relations = relation(changeset, all);
  return h(
    "li",
    { class: `entry ${state}`, id: `changeset-${changesetId}`, tabindex: -1 },
    h(
      "div",
      { class: "entry-head" },
      h("strong", changeType),
      statusBadge(status),
      rowCount !== undefined && h("span", { class: "rows" }, plural(rowCount, "row")),
      h("time", time(createTime)),
    ),
    h(
      "p",
      { class: "entry-source" },
      h("span", { class: "file" }, source(changeset)),
      h("span", { class: "code id" }, changesetId),
    ),
    relations.length > 0 && h("p", { class: "relations" }, relations),
    failed,
  );
}

// --- all of them -----------------------------------------------------------------------------------

async function follow(list, { dataset, changesets, reload, isShown }) {
  while (isShown() && changesets.some(isAtWork)) {
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY));
    for (const changeset of changesets.filter(isAtWork)) {
      const { datasetId } = dataset;
      const { status } = await call("GetChangeset", { datasetId, changesetId: changeset.changesetId });
      if (isShown() && status !== changeset.status) return reload();
    }
  }
}

/** Shows the tab. */
export async function show(place, context) {
  const { dataset, changesets } = context;
  if (changesets.length === 0) {
    const load = h("a", { class: "button primary", href: `#/datasets/${dataset.datasetId}/load` }, "Load a file");
    return fill(
      place,
      empty(
        "Nothing has been loaded yet.",
        h("p", "Each load is a changeset: it adds rows, or replaces what is there."),
        load,
      ),
    );
  }
  const list = h(
    "ol",
    { class: "timeline", reversed: true },
    changesets.toReversed().map((changeset) => entry(changeset, changesets)),
  );
  fill(place, list);
  follow(list, context).catch(() => {}); // what is shown stays true; the next look asks again
}
