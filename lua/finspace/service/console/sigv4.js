// AWS Signature Version 4 by WebCrypto, in the header and the query form.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

const ALGORITHM = "AWS4-HMAC-SHA256";
const UNSIGNED = "UNSIGNED-PAYLOAD";

const utf8 = new TextEncoder();
const bytesOf = (data) => (typeof data === "string" ? utf8.encode(data) : data);

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** SHA-256 of text or bytes, in hex. */
export async function sha256(data) {
  return hex(await crypto.subtle.digest("SHA-256", bytesOf(data)));
}

async function hmac(key, text) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, utf8.encode(text));
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;

/** Percent-encodes the UTF-8 bytes of a text; `kept` are characters that stay, beside the unreserved ones. */
export function encode(text, kept = "") {
  let out = "";
  for (const character of text) {
    if (UNRESERVED.test(character) || kept.includes(character)) out += character;
    else for (const byte of utf8.encode(character)) out += "%" + byte.toString(16).toUpperCase().padStart(2, "0");
  }
  return out;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone percent sign stands for itself
  }
}

// --- the canonical request -------------------------------------------------------------------------

function withoutDots(path) {
  const kept = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const folder = kept.length > 0 && /\/\.{0,2}$/.test(path) ? "/" : "";
  return "/" + kept.join("/") + folder;
}

// S3 signs a path as it stands on the wire; everything else encodes it once more.
function canonicalPath({ path, service, normalize = true }) {
  if (service === "s3") return path;
  return encode(normalize ? withoutDots(path) : path, "/");
}

const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function canonicalQuery(query) {
  const pairs = query.split("&").filter((pair) => pair !== "");
  const encoded = pairs.map((pair) => {
    const at = pair.indexOf("=");
    const name = at < 0 ? pair : pair.slice(0, at);
    return [encode(decode(name)), at < 0 ? "" : encode(decode(pair.slice(at + 1)))];
  });
  encoded.sort((a, b) => byText(a[0], b[0]) || byText(a[1], b[1]));
  return encoded.map(([name, value]) => `${name}=${value}`).join("&");
}

function canonicalHeaders(headers) {
  const values = new Map();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const text = value.trim().replace(/\s+/g, " ");
    values.set(key, values.has(key) ? `${values.get(key)},${text}` : text);
  }
  const names = [...values.keys()].sort(byText);
  return { names: names.join(";"), lines: names.map((name) => `${name}:${values.get(name)}\n`).join("") };
}

// --- the signature ---------------------------------------------------------------------------------

let lastKey = { id: "", key: null };

async function signingKey(secret, day, region, service) {
  const id = [secret, day, region, service].join("\n");
  if (lastKey.id === id) return lastKey.key;
  let key = utf8.encode("AWS4" + secret);
  for (const part of [day, region, service, "aws4_request"]) key = await hmac(key, part);
  lastKey = { id, key };
  return key;
}

/** Forgets the key that is kept for the next signature. */
export function forgetKey() {
  lastKey = { id: "", key: null };
}

function moment(time) {
  const stamp = new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, "");
  return { stamp, day: stamp.slice(0, 8) };
}

async function finish(request, headers, query, payloadHash, { stamp, day, scope }) {
  const { names, lines } = canonicalHeaders(headers);
  const parts = [request.method, canonicalPath(request), canonicalQuery(query), lines, names, payloadHash];
  const canonicalRequest = parts.join("\n");
  const stringToSign = [ALGORITHM, stamp, scope, await sha256(canonicalRequest)].join("\n");
  const key = await signingKey(request.credentials.secretAccessKey, day, request.region, request.service);
  return { canonicalRequest, stringToSign, signature: hex(await hmac(key, stringToSign)), names };
}

function scopeOf(request, time) {
  const { stamp, day } = moment(time);
  return { stamp, day, scope: `${day}/${request.region}/${request.service}/aws4_request` };
}

const has = (headers, wanted) => headers.some(([name]) => name.toLowerCase() === wanted);

/**
 * Signs in the header form.
 * @param request {method, path and query as on the wire, headers: [[name, value]] with Host, body,
 *   payloadHash (else the body's), credentials: {accessKeyId, secretAccessKey, sessionToken},
 *   region, service, time: epoch milliseconds, signBody (S3: true), normalize, tokenUnsigned}
 * @returns {headers: those to add, canonicalRequest, stringToSign, signature}
 */
export async function sign(request) {
  const at = scopeOf(request, request.time);
  const payloadHash = request.payloadHash ?? (await sha256(request.body ?? ""));
  const added = [["x-amz-date", at.stamp]];
  if (request.signBody ?? request.service === "s3") added.push(["x-amz-content-sha256", payloadHash]);
  const token = request.credentials.sessionToken && [["x-amz-security-token", request.credentials.sessionToken]];
  if (token && !request.tokenUnsigned) added.push(...token);
  const fresh = added.filter(([name]) => !has(request.headers, name));
  const made = await finish(request, [...request.headers, ...fresh], request.query, payloadHash, at);
  const credential = `${request.credentials.accessKeyId}/${at.scope}`;
  fresh.push([
    "Authorization",
    `${ALGORITHM} Credential=${credential}, SignedHeaders=${made.names}, Signature=${made.signature}`,
  ]);
  if (token && request.tokenUnsigned) fresh.push(...token);
  return { ...made, headers: fresh };
}

/**
 * Signs in the query form: a URL that works by itself until it expires.
 * @param request as for `sign`, with `expires` in seconds
 * @returns {query, canonicalRequest, stringToSign, signature}
 */
export async function presign(request) {
  const at = scopeOf(request, request.time);
  const { names } = canonicalHeaders(request.headers);
  const pairs = [
    ["X-Amz-Algorithm", ALGORITHM],
    ["X-Amz-Credential", `${request.credentials.accessKeyId}/${at.scope}`],
    ["X-Amz-Date", at.stamp],
    ["X-Amz-Expires", String(request.expires)],
    ["X-Amz-SignedHeaders", names],
  ];
  const token = request.credentials.sessionToken && `X-Amz-Security-Token=${encode(request.credentials.sessionToken)}`;
  const parts = pairs.map(([name, value]) => `${name}=${encode(value)}`);
  if (request.query) parts.unshift(request.query);
  if (token && !request.tokenUnsigned) parts.push(token);
  const query = parts.join("&");
  const payloadHash = request.payloadHash ?? (request.service === "s3" ? UNSIGNED : await sha256(request.body ?? ""));
  const made = await finish(request, request.headers, query, payloadHash, at);
  const late = token && request.tokenUnsigned ? `&${token}` : "";
  return { ...made, query: `${query}&X-Amz-Signature=${made.signature}${late}` };
}
