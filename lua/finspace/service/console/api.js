// The public API, called as any client calls it: each request signed with the user's own keys.

import { encode, forgetKey, sign } from "./sigv4.js";
import * as session from "./session.js";

// method, path, the list that the answer holds, whether it takes a clientToken
const OPERATIONS = {
  AssociateUserToPermissionGroup: ["POST", "/permission-group/{permissionGroupId}/users/{userId}", null, true],
  CreateChangeset: ["POST", "/datasets/{datasetId}/changesetsv2", null, true],
  CreateDataView: ["POST", "/datasets/{datasetId}/dataviewsv2", null, true],
  CreateDataset: ["POST", "/datasetsv2", null, true],
  CreatePermissionGroup: ["POST", "/permission-group", null, true],
  CreateUser: ["POST", "/user", null, true],
  DeleteDataset: ["DELETE", "/datasetsv2/{datasetId}", null, true],
  DeletePermissionGroup: ["DELETE", "/permission-group/{permissionGroupId}", null, true],
  DisableUser: ["POST", "/user/{userId}/disable", null, true],
  DisassociateUserFromPermissionGroup: ["DELETE", "/permission-group/{permissionGroupId}/users/{userId}", null, true],
  EnableUser: ["POST", "/user/{userId}/enable", null, true],
  GetChangeset: ["GET", "/datasets/{datasetId}/changesetsv2/{changesetId}"],
  GetDataView: ["GET", "/datasets/{datasetId}/dataviewsv2/{dataViewId}"],
  GetDataset: ["GET", "/datasetsv2/{datasetId}"],
  GetExternalDataViewAccessDetails: ["POST", "/datasets/{datasetId}/dataviewsv2/{dataViewId}/external-access-details"],
  GetPermissionGroup: ["GET", "/permission-group/{permissionGroupId}"],
  GetProgrammaticAccessCredentials: ["GET", "/credentials/programmatic"],
  GetUser: ["GET", "/user/{userId}"],
  GetWorkingLocation: ["POST", "/workingLocationV1"],
  ListChangesets: ["GET", "/datasets/{datasetId}/changesetsv2", "changesets"],
  ListDataViews: ["GET", "/datasets/{datasetId}/dataviewsv2", "dataViews"],
  ListDatasets: ["GET", "/datasetsv2", "datasets"],
  ListPermissionGroups: ["GET", "/permission-group", "permissionGroups"],
  ListPermissionGroupsByUser: ["GET", "/user/{userId}/permission-groups", "permissionGroups"],
  ListUsers: ["GET", "/user", "users"],
  ListUsersByPermissionGroup: ["GET", "/permission-group/{permissionGroupId}/users", "users"],
  ResetUserPassword: ["POST", "/user/{userId}/password", null, true],
  UpdateDataset: ["PUT", "/datasetsv2/{datasetId}", null, true],
  UpdateUser: ["PUT", "/user/{userId}", null, true],
  UpdatePermissionGroup: ["PUT", "/permission-group/{permissionGroupId}", null, true],
};

const PAGE = 100;
const ATTEMPTS = 3;

/** What went wrong: `code` is the service's, `message` says what and why, `advice` what next, `detail` with which words. */
export class ApiError extends Error {
  constructor(code, message, status, more) {
    super(message);
    this.code = code;
    this.status = status;
    this.advice = adviceFor(code, status);
    Object.assign(this, more);
  }
}

const ADVICE = {
  AccessDeniedException: "Ask who manages users and groups for this permission.",
  AccessDenied: "Ask who manages users and groups for this permission.",
  ConflictException: "Look at what is there now, then try again.",
  LimitExceededException: "Wait for what is at work, or remove what is no longer needed.",
  ResourceNotFoundException: "It may have been deleted: go back to the list.",
  ThrottlingException: "Wait a little, then try again.",
  ValidationException: "Correct it, then try again.",
  Unreachable: "See that finspace serve is running, then try again.",
};

function adviceFor(code, status) {
  if (ADVICE[code]) return ADVICE[code];
  return status >= 500 ? "Try again; the service's log says what happened." : "";
}

const ENDED = new Set([
  "ExpiredTokenException",
  "ExpiredToken",
  "UnrecognizedClientException",
  "InvalidClientTokenId",
  "InvalidAccessKeyId",
  "InvalidToken",
]);

let renew = async () => false;

session.onChange((reason) => reason !== "began" && forgetKey());

/** Says how a session that has ended is renewed: a function that asks for the password. */
export function onEnded(ask) {
  renew = ask;
}

/** Whether an error means that the session's keys are no longer good. */
export const isEnded = (error) => error instanceof ApiError && ENDED.has(error.code);

async function renewed() {
  if (session.current() || (await renew())) return session.current();
  throw new ApiError("SignedOut", "You are signed out.", 403);
}

/** Does what needs keys; when they have ended, asks for new ones and does it once more. */
export async function withSession(work) {
  const used = await renewed();
  try {
    return await work(used);
  } catch (error) {
    if (!isEnded(error)) throw error;
    // Another request may have had the keys renewed while this one was on its way.
    if (session.current() === used) session.end("expired");
    return work(await renewed());
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Sends a signed request, to its `origin` or else to the service. @returns Response; raises ApiError when there is no answer */
export async function send(request) {
  const origin = request.origin ?? location.origin;
  const headers = [["Host", new URL(origin).host], ...(request.headers ?? [])];
  const signed = await sign({ ...request, headers, time: session.now() });
  const url = origin + request.path + (request.query ? "?" + request.query : "");
  const all = [...headers.slice(1), ...signed.headers];
  try {
    // Without "no-store" a browser's cache may ask for another range than the one that was signed.
    const { method, body, signal } = request;
    return await fetch(url, { method, headers: all, body, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("Unreachable", "The service does not answer.", 0);
  }
}

async function toError(response) {
  const answer = await response.json().catch(() => ({}));
  const code = (response.headers.get("x-amzn-errortype") ?? "").split(":")[0] || String(response.status);
  return new ApiError(code, answer.message ?? `The service answered ${response.status}.`, response.status);
}

function prepare(name, params) {
  const [method, template, , takesToken] = OPERATIONS[name];
  const rest = { ...params };
  if (takesToken) rest.clientToken ??= crypto.randomUUID();
  const path = template.replace(/\{(\w+)\}/g, (_, member) => {
    const value = rest[member];
    delete rest[member];
    return encode(value);
  });
  if (method === "POST" || method === "PUT") {
    return { method, path, query: "", body: JSON.stringify(rest), headers: [["Content-Type", "application/json"]] };
  }
  const pairs = Object.entries(rest).filter(([, value]) => value !== undefined);
  return { method, path, query: pairs.map(([key, value]) => `${key}=${encode(String(value))}`).join("&") };
}

const isWorthAnotherTry = (error) => error.status === 0 || error.status === 429 || error.status >= 500;

async function attempt(request) {
  return withSession(async ({ credentials, region }) => {
    const response = await send({ ...request, credentials, region, service: "finspace-api" });
    if (!response.ok) throw await toError(response);
    return response.json();
  });
}

/** Calls an operation by its name. @returns its answer; raises ApiError */
export async function call(name, params = {}) {
  const request = prepare(name, params);
  for (let tried = 1; ; tried++) {
    try {
      return await attempt(request);
    } catch (error) {
      if (tried === ATTEMPTS || !isWorthAnotherTry(error)) throw error;
      await pause(200 * 3 ** tried);
    }
  }
}

/** Walks all pages of a list, a page at a time. */
export async function* pages(name, params = {}) {
  const list = OPERATIONS[name][2];
  const seen = new Set();
  let nextToken;
  do {
    const answer = await call(name, { ...params, maxResults: PAGE, nextToken });
    yield answer[list] ?? [];
    nextToken = answer.nextToken || undefined;
    if (seen.has(nextToken)) throw new ApiError("BadList", "The service's list came back to its start.", 500);
    seen.add(nextToken);
  } while (nextToken);
}

/** All items of a list. */
export async function all(name, params) {
  const items = [];
  for await (const page of pages(name, params)) items.push(...page);
  return items;
}
