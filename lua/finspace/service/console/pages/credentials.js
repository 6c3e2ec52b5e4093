// The gear menu's API Credentials: keys for programs, as three values and as what programs read.

import { call } from "../api.js";
import * as dialog from "../dialog.js";
import { copyButton, field, fill, h, waiting } from "../dom.js";
import { duration, time } from "../format.js";
import * as session from "../session.js";

// Each form is told where FinSpace is called, and S3 where that is elsewhere.

const shell = (keys, { region, url, s3 }) =>
  `export AWS_ACCESS_KEY_ID='${keys.accessKeyId}'
export AWS_SECRET_ACCESS_KEY='${keys.secretAccessKey}'
export AWS_SESSION_TOKEN='${keys.sessionToken}'
export AWS_REGION='${region}' AWS_DEFAULT_REGION='${region}'
export AWS_ENDPOINT_URL='${url}'` + (s3 === url ? "" : `\nexport AWS_ENDPOINT_URL_S3='${s3}'`);

const services = (url, s3) => `services = finspace

[services finspace]
finspace_data =
    endpoint_url = ${url}
sts =
    endpoint_url = ${url}
glue =
    endpoint_url = ${url}
s3 =
    endpoint_url = ${s3}`;

const profile = (keys, { region, url, s3 }) => `[profile finspace]
aws_access_key_id = ${keys.accessKeyId}
aws_secret_access_key = ${keys.secretAccessKey}
aws_session_token = ${keys.sessionToken}
region = ${region}
s3 =
    addressing_style = path
${s3 === url ? `endpoint_url = ${url}` : services(url, s3)}`;

const lua = (keys, { region, url, s3 }) => `local fs = require("finspace").new {
  region = "${region}",
  endpoint_url = "${url}",
  s3_endpoint_url = "${s3}",
  credentials = {
    access_key_id = "${keys.accessKeyId}",
    secret_access_key = "${keys.secretAccessKey}",
    session_token = "${keys.sessionToken}",
  },
}`;

const boto3 = (keys, { region, url, s3 }) => `import boto3

keys = {
    "aws_access_key_id": "${keys.accessKeyId}",
    "aws_secret_access_key": "${keys.secretAccessKey}",
    "aws_session_token": "${keys.sessionToken}",
    "region_name": "${region}",
}
finspace = boto3.client("finspace-data", endpoint_url="${url}", **keys)
s3 = boto3.client("s3", endpoint_url="${s3}", **keys)`;

const FORMS = [
  ["Shell", shell],
  ["AWS profile", profile],
  ["Lua", lua],
  ["boto3", boto3],
];

function value(label, text, type = "text") {
  const input = h("input", { type, readonly: true, class: "code", value: text, autocomplete: "off" });
  const made = field(label, input);
  input.addEventListener("focus", () => input.select());
  made.append(copyButton(text, label));
  made.classList.add("copyable");
  return made;
}

// Programs name the bucket themselves.
function s3Endpoint({ bucket, url }) {
  if (url.endsWith(`/${bucket}`)) return url.slice(0, -bucket.length - 1);
  return url.replace(`://${bucket}.`, "://");
}

function forms(keys) {
  const { region, store } = session.current();
  const url = location.origin;
  const places = { region, url, s3: store ? s3Endpoint(store) : url };
  return FORMS.map(([label, write], i) => {
    const text = write(keys, places);
    return h("details", { open: i === 0, name: "forms" }, h("summary", label), dialog.snippet(text, label));
  });
}

function clock(until) {
  const place = h("strong");
  const update = () => {
    const left = (until - session.now()) / 1000;
    place.textContent = left > 0 ? `${duration(left)} left` : "ended";
    if (left > 0) setTimeout(() => (place.isConnected ? update() : null), 1000);
  };
  setTimeout(update);
  return place;
}

function show(body, { credentials, durationInMinutes }) {
  const until = session.now() + durationInMinutes * 60_000;
  fill(
    body,
    h(
      "p",
      "Temporary keys of yours, for programs: ",
      clock(until),
      ` (until ${time(until)}). Open this again for new ones.`,
    ),
    value("Access Key ID", credentials.accessKeyId),
    value("Secret Access Key", credentials.secretAccessKey),
    value("Session Token", credentials.sessionToken),
    h("h3", "For your program"),
    forms(credentials),
  );
}

async function load(body) {
  fill(body, waiting("Asking for keys"));
  try {
    const { environmentId } = session.current();
    show(body, await call("GetProgrammaticAccessCredentials", { environmentId, durationInMinutes: 60 }));
  } catch (error) {
    fill(
      body,
      dialog.problem(error, () => load(body)),
    );
  }
}

/** Opens the dialog. */
export function open() {
  load(dialog.open("API Credentials", { wide: true }).body);
}
