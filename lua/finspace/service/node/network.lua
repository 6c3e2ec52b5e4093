--- Listening safely: beyond this machine with TLS, or without where that was spelled out.

local sys = require("finspace.sys")

local network = {}

local LARGEST_FILE = 1024 * 1024

local function is_loopback(host) return host == "localhost" or host == "::1" or host:find("^127%.%d+%.%d+%.%d+$") ~= nil end

local function check_file(option, path, wanted)
  local text, problem = sys.read_limited(path, LARGEST_FILE)
  if not text then return ("%s: cannot read %s: %s"):format(option, path, tostring(problem)) end
  if text:find(wanted) then return nil end
  return ("%s: %s holds no PEM of the kind that is wanted (-----BEGIN %s-----)"):format(
    option,
    path,
    option == "--tls-key" and "PRIVATE KEY" or "CERTIFICATE"
  )
end

--- Takes over what was said about TLS.
--- @param settings table {endpoint=}, which gets tls_certificate, tls_key (real paths) and is_plain
--- @param options table {tls_certificate=, tls_key=, insecure_plain_http=}
--- @return string|nil problem one line
function network.add(settings, options)
  local certificate, key = options.tls_certificate, options.tls_key
  settings.is_plain = options.insecure_plain_http
  if not certificate and not key then return nil end
  if not certificate or not key then return "--tls-certificate and --tls-key belong together: give both" end
  if settings.is_plain then return "--insecure-plain-http cannot stand beside --tls-certificate: choose one" end
  local problem = check_file("--tls-certificate", certificate, "%-%-%-%-%-BEGIN CERTIFICATE%-%-%-%-%-")
    or check_file("--tls-key", key, "%-%-%-%-%-BEGIN [%u ]*PRIVATE KEY%-%-%-%-%-")
  if problem then return problem end
  settings.tls_certificate, settings.tls_key = sys.realpath(certificate), sys.realpath(key)
  settings.endpoint = settings.endpoint:gsub("^http:", "https:")
end

--- @param settings table
--- @return string|nil problem one line, where others could read along
function network.problem(settings)
  if is_loopback(settings.host) then return nil end
  if settings.tls_certificate or settings.is_plain then return nil end
  return (
    "--host %s is beyond this machine: give --tls-certificate FILE and --tls-key FILE, or say --insecure-plain-http,"
    .. " with which keys and data can be read on the way"
  ):format(settings.host)
end

return network
