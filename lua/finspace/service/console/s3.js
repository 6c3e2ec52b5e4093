// S3 as far as the page needs it: whole objects and ranges, lists, uploads in parts, links that download.

import { ApiError, send, withSession } from "./api.js";
import { encode, presign, sha256, sign } from "./sigv4.js";
import * as session from "./session.js";

const PART = 16 * 1024 * 1024;
const LARGEST_COUNT = 10000;
const AT_ONCE = 3;
const ATTEMPTS = 4;
const LINK_SECONDS = 300;

const pathOf = (bucket, key) => `/${bucket}/${encode(key, "/")}`;

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

async function checked(request, keys) {
  const response = await send({ ...request, ...keys, service: "s3" });
  if (!response.ok) throw await toError(response);
  return response;
}

// With the session's keys unless others are given, as a view's are.
function ask(request, keys) {
  if (keys) return checked(request, keys);
  return withSession(({ credentials, region }) => checked(request, { credentials, region }));
}

/** Reads an object, or the bytes from `first` to `last` of it. @returns Response */
export function get(bucket, key, { keys, first, last, signal } = {}) {
  const headers = first === undefined ? [] : [["Range", `bytes=${first}-${last}`]];
  return ask({ method: "GET", path: pathOf(bucket, key), query: "", headers, signal }, keys);
}

/** Reads a JSON object. @returns null where there is none */
export async function getJson(bucket, key) {
  try {
    return await (await get(bucket, key)).json();
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
export async function list(bucket, prefix, keys) {
  const found = [];
  let token = "";
  do {
    const parts = ["list-type=2", "encoding-type=url", `prefix=${encode(prefix)}`];
    if (token) parts.push(`continuation-token=${encode(token)}`);
    const response = await ask({ method: "GET", path: `/${bucket}`, query: parts.join("&") }, keys);
    const page = await response.text();
    for (const [, item] of page.matchAll(/<Contents>(.*?)<\/Contents>/gs)) found.push(listed(item));
    token = tag(page, "NextContinuationToken");
  } while (token);
  return found;
}

/** A URL that reads an object for a few minutes. */
export async function link(bucket, key, { credentials, region }) {
  const path = pathOf(bucket, key);
  const headers = [["Host", location.host]];
  const request = { method: "GET", path, query: "", headers, credentials, region, service: "s3" };
  const { query } = await presign({ ...request, time: session.now(), expires: LINK_SECONDS });
  return `${path}?${query}`;
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

async function putOnce(path, query, blob, options) {
  const body = await blob.arrayBuffer();
  const payloadHash = await sha256(body);
  return withSession(async ({ credentials, region }) => {
    const headers = [["Host", location.host]];
    const request = { method: "PUT", path, query, headers, payloadHash, credentials, region, service: "s3" };
    const signed = await sign({ ...request, time: session.now() });
    const answer = await transmit(path + (query && "?" + query), signed.headers, body, options);
    if (answer.status !== 200) throw refusal(answer.responseText, answer.status);
    return answer.getResponseHeader("ETag");
  });
}

async function put(path, query, blob, options) {
  for (let tried = 1; ; tried++) {
    try {
      return await putOnce(path, query, blob, options);
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

async function begin(path) {
  const response = await ask({ method: "POST", path, query: "uploads=", body: "" });
  return tag(await response.text(), "UploadId");
}

async function complete(path, query, etags) {
  const parts = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
  const body = `<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`;
  const response = await ask({ method: "POST", path, query, body });
  const text = await response.clone().text();
  if (text.includes("<Error>")) throw await toError(response);
}

async function putParts(path, file, size, { onProgress, signal }) {
  const query = `uploadId=${encode(await begin(path))}`;
  const etags = [];
  const partSent = totaled(onProgress);
  try {
    await inTurns(Math.ceil(file.size / size), async (i) => {
      signal?.throwIfAborted();
      const blob = file.slice(i * size, (i + 1) * size);
      const asked = `partNumber=${i + 1}&${query}`;
      etags[i] = await put(path, asked, blob, { onSent: partSent(i), signal });
      partSent(i)(blob.size);
    });
    await complete(path, query, etags);
  } catch (error) {
    ask({ method: "DELETE", path, query }).catch(() => {}); // what is left behind is swept away anyway
    throw error;
  }
}

/** Uploads a file, in parts when it is large. `onProgress(bytes)` hears how much has been sent. */
export async function upload(bucket, key, file, { onProgress, signal }) {
  const path = pathOf(bucket, key);
  if (file.size > PART) {
    const size = Math.max(PART, Math.ceil(file.size / LARGEST_COUNT));
    return putParts(path, file, size, { onProgress, signal });
  }
  return put(path, "", file, { onSent: onProgress, signal });
}
