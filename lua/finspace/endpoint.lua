--- Where to call: a service's endpoint from the option, the environment, the profile or the rule.
local config = require("finspace.config")
local errors = require("finspace.errors")

local endpoint = {}

-- What the rule needs of a service: its host label; what dualstack changes where it is not the suffix alone;
-- and whether its ordinary endpoints in us-gov are those for FIPS (botocore's endpoint rules say so of these
-- three). Any other service can still have a configured endpoint, and gets its id as its label.
local SERVICES = {
  finspace_data = { label = "finspace-api" },
  s3 = { label = "s3", dualstack_label = "dualstack" },
  sts = { label = "sts", fips_in_gov = true },
  sso = { label = "portal.sso", fips_in_gov = true },
  sso_oidc = { label = "oidc", fips_in_gov = true },
}

-- The DNS suffix of a partition, found by the start of the region's name.
local PARTITIONS = {
  { prefix = "cn-", suffix = "amazonaws.com.cn", dualstack = "api.amazonwebservices.com.cn" },
  { prefix = "eusc-", suffix = "amazonaws.eu", dualstack = "api.amazonwebservices.eu" },
  { prefix = "us-iso-", suffix = "c2s.ic.gov", dualstack = "api.aws.ic.gov" },
  { prefix = "us-isob-", suffix = "sc2s.sgov.gov", dualstack = "api.aws.scloud" },
  { prefix = "eu-isoe-", suffix = "cloud.adc-e.uk", dualstack = "api.cloud-aws.adc-e.uk" },
  { prefix = "us-isof-", suffix = "csp.hci.ic.gov", dualstack = "api.aws.hci.ic.gov" },
  { prefix = "", suffix = "amazonaws.com", dualstack = "api.aws" },
}

--- The option of the client that names a service's endpoint, where it has one.
endpoint.OPTIONS = { finspace_data = "endpoint_url", s3 = "s3_endpoint_url", sts = "sts_endpoint_url" }

local DEFAULT_PORTS = { http = 80, https = 443 }

local function partition_of(region)
  for _, partition in ipairs(PARTITIONS) do
    if region:sub(1, #partition.prefix) == partition.prefix then return partition end
  end
end

local function fips_suffix(known, region, variant)
  local is_plain = known.fips_in_gov and not variant.dualstack and region:find("^us%-gov%-")
  return variant.fips and not is_plain and "-fips" or ""
end

local function rule_host(service, region, variant)
  local known = SERVICES[service] or { label = service }
  local partition = partition_of(region)
  local label = known.label .. fips_suffix(known, region, variant)
  if not variant.dualstack then return label .. "." .. region .. "." .. partition.suffix end
  if known.dualstack_label then
    return label .. "." .. known.dualstack_label .. "." .. region .. "." .. partition.suffix
  end
  return label .. "." .. region .. "." .. partition.dualstack
end

-- Addresses ------------------------------------------------------------------------------------

-- A host name, an IPv4 address or an IPv6 address in brackets; host labels may have underscores,
-- which service names in container networks do.
local function is_host(host)
  if host:find("^%[") then return host:find("^%[[%x:%.]+%]$") ~= nil and host:find(":") ~= nil end
  if #host > 253 or host:find("%.%.") then return false end
  return host:find("^[%w_][%w_%-%.]*$") ~= nil
end

local function split_port(authority)
  local host, port = authority:match("^(%[[^%]]*%]):(%d+)$")
  if not host then
    host, port = authority:match("^([^:%[%]]*):(%d+)$")
  end
  return host or authority, port
end

local function is_port(text) return #text <= 5 and tonumber(text) >= 1 and tonumber(text) <= 65535 end

--- Takes an http or https URL apart. What must not stand in an endpoint is refused by name.
--- @param text string
--- @return table|nil url { scheme, host (brackets kept), port (number), path ("" or "/…", no slash at the
---   end), authority (host, with the port where it is not the scheme's own) }
--- @return string|nil message what is wrong with it; the text itself is never shown, it may hold a password
function endpoint.parse(text)
  local scheme, authority, path = text:match("^(%a+)://([^/?#]*)(.*)$")
  scheme = scheme and scheme:lower()
  if not DEFAULT_PORTS[scheme] then return nil, "does not start with http:// or https://" end
  if text:find("[%s%c\\]") then return nil, "holds a space, a control character or a backslash" end
  if authority:find("@", 1, true) then return nil, "holds user information before '@'" end
  if path:find("[?#]") then return nil, "holds a query or a fragment" end
  local host, port = split_port(authority)
  if not is_host(host) then return nil, "names no valid host" end
  if port and not is_port(port) then return nil, "has a port that is not between 1 and 65535" end
  port = port and math.floor(tonumber(port)) or DEFAULT_PORTS[scheme]
  if port ~= DEFAULT_PORTS[scheme] then
    authority = ("%s:%d"):format(host, port)
  else
    authority = host
  end
  return { scheme = scheme, host = host, port = port, path = path:match("^(.-)/*$"), authority = authority }
end

local function invalid(origin, message)
  return nil,
    errors.new {
      kind = "config",
      code = "InvalidEndpoint",
      message = origin .. " " .. message .. "; write a URL like https://host:port/path",
    }
end

local function from_url(text, origin)
  local url, message = endpoint.parse(text)
  if not url then return invalid(origin, message) end
  return {
    url = url.scheme .. "://" .. url.authority .. url.path,
    scheme = url.scheme,
    host = url.authority,
    port = url.port,
    path = url.path,
    custom = true,
    origin = origin,
  }
end

-- Configured endpoints -------------------------------------------------------------------------

-- `services = x` in the profile, then `[services x]` with `s3 =` and `endpoint_url` below it.
local function in_services_section(loaded, service)
  local name = config.selected(loaded).services
  if type(name) ~= "string" or name == "" then return nil end
  local section = loaded.services[name]
  if not section then
    return nil,
      nil,
      errors.new {
        kind = "config",
        code = "MissingServicesSection",
        message = "services = "
          .. name
          .. " in "
          .. config.place(loaded, "profiles", loaded.profile, "services")
          .. " names a section that is not there; add [services "
          .. name
          .. "] to the config file",
      }
  end
  local settings = section[service]
  local url = type(settings) == "table" and settings.endpoint_url
  if not url or url == "" then return nil end
  return url, "endpoint_url below '" .. service .. " =' in " .. config.place(loaded, "services", name, service)
end

local function in_profile(loaded, service)
  local url, origin, err = in_services_section(loaded, service)
  if url or err then return url, origin, err end
  url = config.selected(loaded).endpoint_url
  if type(url) ~= "string" or url == "" then return nil end
  return url, "endpoint_url in " .. config.place(loaded, "profiles", loaded.profile, "endpoint_url")
end

local function configured(runtime, source, service)
  local variables = { "AWS_ENDPOINT_URL_" .. service:upper(), "AWS_ENDPOINT_URL" }
  local url, origin = config.setting(runtime, source, variables)
  if url then return url, origin end
  local loaded, err = config.of(source)
  if not loaded then return nil, nil, err end
  return in_profile(loaded, service)
end

-- The URL that someone named, the option before all others, and who named it.
local function named_url(runtime, source, options)
  if options.endpoint_url then
    return options.endpoint_url, ("the %s option"):format(endpoint.OPTIONS[options.service] or "endpoint_url")
  end
  if options.ignore_configured_endpoint_urls then return nil end
  local ignored, err =
    config.flag(runtime, source, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")
  if err or ignored then return nil, nil, err end
  return configured(runtime, source, options.service)
end

-- The front door -------------------------------------------------------------------------------

local function variants(runtime, source)
  local fips, err = config.flag(runtime, source, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")
  if err then return nil, err end
  local dualstack
  dualstack, err = config.flag(runtime, source, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")
  if err then return nil, err end
  return { fips = fips, dualstack = dualstack }
end

local function refuse_variant(origin, variant)
  local name = variant.fips and "FIPS" or "dualstack"
  return nil,
    errors.new {
      kind = "config",
      code = "InvalidEndpoint",
      message = name
        .. " endpoints are asked for, and "
        .. origin
        .. " names an endpoint of its own; drop one"
        .. " (AWS_USE_"
        .. name:upper()
        .. "_ENDPOINT=false, or remove the endpoint)",
    }
end

--- Finds a service's endpoint.
--- @param runtime table getenv
--- @param source table|function|nil a config, or what reads one; consulted only when needed
--- @param options table { service = "finspace_data"|"s3"|"sts"|"sso"|"sso_oidc", region =, endpoint_url =,
---   ignore_configured_endpoint_urls = }
--- @return table|nil endpoint { url, scheme, host (with the port where it is not the scheme's own), port,
---   path ("" or a base path without a slash at its end), custom, origin }
--- @return table|nil err
function endpoint.resolve(runtime, source, options)
  local url, origin, err = named_url(runtime, source, options)
  if err then return nil, err end
  local variant
  variant, err = variants(runtime, source)
  if not variant then return nil, err end
  if url then
    if variant.fips or variant.dualstack then return refuse_variant(origin, variant) end
    return from_url(url, origin)
  end
  local region
  region, err = config.region(runtime, source, options)
  if not region then return nil, err end
  local host = rule_host(options.service, region, variant)
  return {
    url = "https://" .. host,
    scheme = "https",
    host = host,
    port = 443,
    path = "",
    custom = false,
    origin = "the rule for " .. options.service,
  }
end

--- Whether a call reached nobody; then its message says, too, who named the address.
--- @param err finspace.Error
--- @param found table the endpoint that was called
--- @return boolean
function endpoint.explain(err, found)
  if err.sent ~= false or (err.kind ~= "connect" and err.code ~= "ConnectTimeout") then return false end
  if found.custom then
    err.message = ("%s\nThe endpoint %s comes from %s."):format(err.message, found.url, found.origin)
  end
  return true
end

return endpoint
