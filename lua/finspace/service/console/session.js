// Who is signed in: temporary keys, in this tab's session storage and nowhere else.

const NAME = "finspace.session";
const listeners = new Set();
let timer = 0;

function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(NAME));
    return kept?.credentials?.expiration ? kept : null;
  } catch {
    return null;
  }
}

let session = read();

/** The server's clock, as well as it is known. */
export const now = () => Date.now() + (session?.offset ?? 0);

/** Milliseconds until the keys end. */
export const left = () => (session ? session.credentials.expiration - now() : 0);

/** @returns {credentials, userId, region, environmentId, store} or null; keys that have ended are gone. */
export function current() {
  if (session && left() <= 0) end("expired");
  return session;
}

function watch() {
  clearTimeout(timer);
  if (session) timer = setTimeout(() => current() && watch(), Math.min(left() + 50, 60_000));
}

function tell(reason) {
  for (const listener of listeners) listener(reason);
}

/**
 * Calls `listener(reason)` when a session begins ("began") or ends ("expired", "signed out").
 * @returns a function that ends this
 */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Takes the keys that signing in has answered. */
export function begin(answer) {
  session = {
    credentials: answer.credentials,
    userId: answer.userId,
    region: answer.region,
    environmentId: answer.environmentId,
    store: answer.store,
    offset: answer.serverTime - Date.now(),
  };
  sessionStorage.setItem(NAME, JSON.stringify(session));
  watch();
  tell("began");
}

/** Forgets the keys. */
export function end(reason) {
  session = null;
  sessionStorage.removeItem(NAME);
  clearTimeout(timer);
  tell(reason);
}

async function post(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    return { ok: false, code: "Unreachable", message: "The service does not answer. Is `finspace serve` running?" };
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return { ok: true, answer };
  const code = response.headers.get("x-amzn-errortype");
  return { ok: false, code, message: answer.message ?? `The service answered ${response.status}.` };
}

/** Signs in. @returns {ok, code, message} */
export async function signIn(asked) {
  const result = await post("/-/sign-in", asked);
  if (result.ok) begin(result.answer);
  return result;
}

/** Signs out: the keys end at the service, too. */
export async function signOut() {
  const { accessKeyId, sessionToken } = session.credentials;
  end("signed out");
  await post("/-/sign-out", { accessKeyId, sessionToken });
}

watch();
