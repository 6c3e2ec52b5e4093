local certificates = require("spec.support.certificates")
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local SCRIPTS = support.root .. "/spec/support/interop/"
local INSTALLED = support.root .. "/build/interop"
local MIB = 1024 * 1024

-- Each client: the words that run its script, and what must be there.
local function has_node(package)
  return function() return support.has_program("node") and sys.stat(INSTALLED .. "/node_modules/" .. package) ~= nil end
end

local function has_program(name)
  return function() return support.has_program(name) end
end

local function has_boto3(python)
  return function() return select(2, support.run(python .. " -c 'import boto3'")) == 0 end
end

local NODE = ("cd %s && node "):format(support.quote(INSTALLED))
local PYPI = INSTALLED .. "/python/bin/python"

local CLIENTS = {
  {
    name = "boto3, Debian's,",
    run = "/usr/bin/python3 " .. SCRIPTS .. "boto3_client.py",
    is_here = has_boto3("/usr/bin/python3"),
  },
  { name = "boto3, PyPI's,", run = PYPI .. " " .. SCRIPTS .. "boto3_client.py", is_here = has_boto3(PYPI) },
  {
    name = "the AWS CLI",
    run = "AWS_PROGRAM=/usr/bin/aws " .. SCRIPTS .. "aws_cli",
    is_here = has_program("/usr/bin/aws"),
  },
  {
    name = "the AWS SDK for JavaScript v3",
    run = NODE .. "SCRIPTS/sdk_v3.mjs",
    is_here = has_node("@aws-sdk/client-s3"),
  },
  { name = "the AWS SDK for JavaScript v2", run = NODE .. "SCRIPTS/sdk_v2.js", is_here = has_node("aws-sdk") },
  { name = "npm's minio", run = NODE .. "SCRIPTS/minio_client.js", is_here = has_node("minio") },
  {
    name = "the AWS SDK for Java v2",
    run = SCRIPTS .. "java_sdk " .. support.quote(INSTALLED .. "/java"),
    is_here = function() return sys.stat(INSTALLED .. "/java/S3Sdk.class") ~= nil end,
    command = "FINSPACE_JAVA=1 make interop",
  },
  { name = "rclone", run = SCRIPTS .. "rclone", is_here = has_program("rclone") },
  { name = "s3cmd", run = SCRIPTS .. "s3cmd", is_here = has_program("s3cmd") },
}

local TLS = [[
server {
  listen 127.0.0.1:%d ssl;
  ssl_certificate %s;
  ssl_certificate_key %s;
  client_max_body_size 0;
  location / {
    proxy_pass http://127.0.0.1:%d;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_request_buffering off;
  }
}]]

describe("Other clients of the S3 half, with their default settings, #once #interop", function()
  local running, front, folder, file, authority

  setup(function()
    running, folder = service.start(), support.temporary_folder()
    file = folder .. "/file"
    support.run(("head -c %d /dev/urandom > %s"):format(20 * MIB + 3, file))
    authority = certificates.authority(folder, "authority")
    local issued = authority.issue("front", "DNS:localhost,IP:127.0.0.1")
    local port = support.free_port()
    front = nginx.start(TLS:format(port, issued.certificate, issued.key, running.port), { ports = { port } })
    front.endpoint = "https://127.0.0.1:" .. port
  end)

  teardown(function()
    if front then front.stop() end
    if running then running.stop() end
    if folder then support.remove_folder(folder) end
  end)

  local function environment(endpoint)
    local trust = endpoint:find("^https")
        and ("AWS_CA_BUNDLE=%s NODE_EXTRA_CA_CERTS=%s REQUESTS_CA_BUNDLE=%s"):format(
          authority.file,
          authority.file,
          authority.file
        )
      or ""
    return ("env -u AWS_CA_BUNDLE -u REQUESTS_CA_BUNDLE -u CURL_CA_BUNDLE AWS_CONFIG_FILE=%s/config %s "):format(
      running.data,
      trust
    ) .. ("AWS_SHARED_CREDENTIALS_FILE=%s/credentials AWS_PROFILE=finspace-local AWS_PAGER= "):format(running.data) .. ("AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s NODE_NO_WARNINGS=1 "):format(
      running.credentials.access_key_id,
      running.credentials.secret_access_key
    )
  end

  local function check(client, endpoint)
    local command = client.run:gsub("SCRIPTS", sys.realpath(SCRIPTS))
    local script = environment(endpoint) .. "sh -c " .. support.quote(("%s %s %s"):format(command, endpoint, file))
    local output = support.run(script)
    assert.is_nil(output:find("FAIL", 1, true), output .. running.log())
    assert.truthy(output:find("ok put\n", 1, true) and output:find("ok delete", 1, true), output)
  end

  for _, client in ipairs(CLIENTS) do
    for _, way in ipairs { "plain HTTP", "a TLS nginx" } do
      it(("%s uploads, copies, lists, reads ranges, presigns and deletes over %s"):format(client.name, way), function()
        if not client.is_here() then
          return pending(client.name .. " is not here: " .. (client.command or "make interop"))
        end
        check(client, way == "plain HTTP" and running.endpoint or front.endpoint)
      end)
    end
  end
end)
