// S3 as far as the page needs it: whole objects and ranges, lists, uploads in parts, links that download.

import { ApiError, send, withSession } from "./api.js";
import { encode, presign, sha256, sign } from "./sigv4.js";
import * as session from "./session.js";

const PART = 16 * 1024 * 1024;
const LARGEST_COUNT = 10000;
const AT_ONCE = 3;
const ATTEMPTS = 4;
const LINK_SECONDS = 300;

// --- places ----------------------------------------------------------------------------------------

/** Where the service itself has a bucket. */
export function own(bucket) {
  return { origin: location.origin, base: `/${bucket}`, region: session.current()?.region };
}

/** Where a bucket's objects are: in the store that signing in has named, or else at the service itself. */
export function place(bucket) {
  const { store } = session.current() ?? {};
  if (store?.bucket !== bucket) return own(bucket);
  const { origin, pathname } = new URL(store.url);
  return { origin, base: pathname.replace(/\/$/, ""), region: store.region };
}

const pathOf = ({ base }, key) => `${base}/${encode(key, "/")}`;

// --- what goes wrong -------------------------------------------------------------------------------

// The page lets nothing become markup, XML included. Keys come percent-encoded, so that a list holds
// no entities where it matters.
const tag = (text, name) => text.match(new RegExp(`<${name}>([^<]*)</${name}>`))?.[1] ?? "";

const ENTITIES = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&", "#39": "'" };
const plain = (text) => text.replace(/&(#?\w+);/g, (whole, name) => ENTITIES[name] ?? whole);

function refusal(text, status) {
  return new ApiError(
    tag(text, "Code") || String(status),
    plain(tag(text, "Message")) || `S3 answered ${status}.`,
    status,
  );
}

async function toError(response) {
  const text = await response.text().catch(() => "");
  return refusal(text, response.status);
}

const answers = (url, options) =>
  fetch(url, { cache: "no-store", ...options }).then(
    () => true,
    () => false,
  );

// A browser does not tell an answer that it keeps from the page from none. Asked in a way that its rules do not concern, it
// does; the header has it ask the store first, as a signed request does. Without keys nothing is done to the bucket, and what
// deletes is not even tried.
async function isKeptFromPage({ origin, base }, method) {
  const url = origin + (base || "/");
  const asked = { method: method === "DELETE" ? "GET" : method, headers: { "x-amz-date": "" } };
  return (await answers(url, { mode: "no-cors" })) && !(await answers(url, asked));
}

// In the form of Amazon's tools, a line for each member.
function ruleText(rule) {
  const members = { AllowedOrigins: [location.origin], ...rule };
  const names = Object.keys(members).sort();
  const lines = names.map((name) => `  "${name}": ${JSON.stringify(members[name])}`);
  return `{"CORSRules": [{\n${lines.join(",\n")}\n}]}`;
}

function ruleMissing({ origin }) {
  const { bucket, rule } = session.current()?.store ?? {};
  const detail = ruleText(rule);
  const advice = `The service sets one at its start, for its own address and for that of --console-url, and says why when it cannot. By hand it is this rule of bucket ${bucket}, beside those that are there:`;
  const message = `The store at ${origin} has no rule (CORS) for pages of ${location.origin}, so this browser keeps its answers from the page`;
  return new ApiError("NoCorsRule", message, 403, { advice, detail });
}

async function whyUnreachable(at, method) {
  if (at.origin === location.origin) return new ApiError("Unreachable", "The service does not answer.", 0);
  if (await isKeptFromPage(at, method)) return ruleMissing(at);
  const isMixed = location.protocol === "https:" && at.origin.startsWith("http:");
  const advice = isMixed
    ? "This page came by https, so this browser lets it call no store by http: whoever runs the store gives it TLS."
    : "See that it runs, and that this machine can reach it, then try again.";
  return new ApiError("StoreUnreachable", `The store at ${at.origin} does not answer.`, 0, { advice });
}

/** Why this page cannot call the store, as far as a look without keys tells. @returns ApiError, or null where all is right */
export async function obstacle() {
  const { store } = session.current() ?? {};
  if (!store) return null;
  const at = place(store.bucket);
  const isReadable = await answers(at.origin + (at.base || "/"), { headers: { "x-amz-date": "" } });
  return isReadable ? null : whyUnreachable(at, "GET");
}

// Does what calls a place, and says more of a failure than browsers do.
async function reaching(at, method, work) {
  try {
    return await work();
  } catch (error) {
    throw error.code === "Unreachable" ? await whyUnreachable(at, method) : error;
  }
}

// --- requests --------------------------------------------------------------------------------------

async function checked(at, request, credentials) {
  const { origin, region } = at;
  const signed = { ...request, origin, region, credentials, service: "s3" };
  const response = await reaching(at, request.method, () => send(signed));
  if (!response.ok) throw await toError(response);
  return response;
}

// With the session's keys unless others are given, as a view's are.
function ask(at, request, keys) {
  if (keys) return checked(at, request, keys);
  return withSession(({ credentials }) => checked(at, request, credentials));
}

/** Reads an object, or the bytes from `first` to `last` of it. @returns Response */
export function get(at, key, { keys, first, last, signal } = {}) {
  const headers = first === undefined ? [] : [["Range", `bytes=${first}-${last}`]];
  return ask(at, { method: "GET", path: pathOf(at, key), query: "", headers, signal }, keys);
}

/** Reads a JSON object. @returns null where there is none */
export async function getJson(at, key) {
  try {
    return await (await get(at, key)).json();
  } catch (error) {
    if (error.code === "NoSuchKey") return null;
    throw error;
  }
}

function listed(text) {
  const key = decodeURIComponent(tag(text, "Key").replace(/\+/g, " "));
  return { key, size: Number(tag(text, "Size")), modified: Date.parse(tag(text, "LastModified")) };
}

/** All objects below a prefix. @returns [{key, size, modified}] */
export async function list(at, prefix, keys) {
  const found = [];
  let token = "";
  do {
    const parts = ["list-type=2", "encoding-type=url", `prefix=${encode(prefix)}`];
    if (token) parts.push(`continuation-token=${encode(token)}`);
    const response = await ask(at, { method: "GET", path: at.base || "/", query: parts.join("&") }, keys);
    const page = await response.text();
    for (const [, item] of page.matchAll(/<Contents>(.*?)<\/Contents>/gs)) found.push(listed(item));
    token = tag(page, "NextContinuationToken");
  } while (token);
  return found;
}

// As RFC 8187 has it: a name may hold anything.
const attachment = (name) => encode(`attachment; filename*=UTF-8''${encode(name)}`);

/** A URL that downloads an object, for a few minutes. */
export async function link({ origin, region, base }, key, credentials) {
  const path = pathOf({ base }, key);
  const headers = [["Host", new URL(origin).host]];
  const asked = `response-content-disposition=${attachment(key.split("/").pop())}`;
  const request = { method: "GET", path, query: asked, headers, credentials, region, service: "s3" };
  const { query } = await presign({ ...request, time: session.now(), expires: LINK_SECONDS });
  return `${origin}${path}?${query}`;
}

// --- uploads ---------------------------------------------------------------------------------------

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// fetch tells nothing while it sends: this is what XMLHttpRequest is still good for.
function transmit(url, headers, body, { onSent, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of headers) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onload = () => resolve(request);
    request.onerror = () => reject(new ApiError("Unreachable", "The service does not answer.", 0));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    const abort = () => request.abort();
    signal?.addEventListener("abort", abort);
    request.onloadend = () => signal?.removeEventListener("abort", abort); // else the signal would keep the part's bytes
    request.send(body);
  });
}

async function putOnce(at, path, query, blob, options) {
  const body = await blob.arrayBuffer();
  const payloadHash = await sha256(body);
  const { origin, region } = at;
  return withSession(async ({ credentials }) => {
    const headers = [["Host", new URL(origin).host]];
    const request = { method: "PUT", path, query, headers, payloadHash, credentials, region, service: "s3" };
    const signed = await sign({ ...request, time: session.now() });
    const url = origin + path + (query && "?" + query);
    const answer = await reaching(at, "PUT", () => transmit(url, signed.headers, body, options));
    if (answer.status !== 200) throw refusal(answer.responseText, answer.status);
    return answer.getResponseHeader("ETag");
  });
}

async function put(at, path, query, blob, options) {
  for (let tried = 1; ; tried++) {
    try {
      return await putOnce(at, path, query, blob, options);
    } catch (error) {
      const isFinal = error.name === "AbortError" || (error.status >= 400 && error.status < 500);
      if (tried === ATTEMPTS || isFinal) throw error;
      options.onSent(0);
      await pause(500 * 2 ** tried);
    }
  }
}

// What has been sent of each part, added up.
function totaled(onProgress) {
  const sent = [];
  return (index) => (loaded) => {
    sent[index] = loaded;
    onProgress(sent.reduce((total, part) => total + (part ?? 0), 0));
  };
}

async function inTurns(count, work) {
  let next = 0;
  const run = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, run));
}

async function begin(at, path) {
  const response = await ask(at, { method: "POST", path, query: "uploads=", body: "" });
  return tag(await response.text(), "UploadId");
}

async function complete(at, path, query, etags) {
  const parts = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
  const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  const response = await ask(at, { method: "POST", path, query, body });
  const text = await response.clone().text();
  if (text.includes("<Error>")) throw await toError(response);
}

async function putParts(at, path, file, size, { onProgress, signal }) {
  const query = `uploadId=${encode(await begin(at, path))}`;
  const etags = [];
  const partSent = totaled(onProgress);
  try {
    await inTurns(Math.ceil(file.size / size), async (i) => {
      signal?.throwIfAborted();
      const blob = file.slice(i * size, (i + 1) * size);
      const asked = `partNumber=${i + 1}&${query}`;
      etags[i] = await put(at, path, asked, blob, { onSent: partSent(i), signal });
      partSent(i)(blob.size);
    });
    await complete(at, path, query, etags);
  } catch (error) {
    ask(at, { method: "DELETE", path, query }).catch(() => {}); // what is left behind is swept away anyway
    throw error;
  }
}

/** Uploads a file, in parts when it is large. `onProgress(bytes)` hears how much has been sent. */
export async function upload(at, key, file, { onProgress, signal }) {
  const path = pathOf(at, key);
  if (file.size > PART) {
    const size = Math.max(PART, Math.ceil(file.size / LARGEST_COUNT));
    return putParts(at, path, file, size, { onProgress, signal });
  }
  return put(at, path, "", file, { onSent: onProgress, signal });
}
