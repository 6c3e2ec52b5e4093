--- `finspace whoami`
local json = require("finspace.cli.json")
local shared = require("finspace.cli.options")
local wording = require("finspace.cli.wording")

local whoami = {}

function whoami.define(command)
  shared.connection(command)
  shared.output(command)
  command:epilog("Example: finspace whoami --profile research\n\nIt shows no secret.")
end

local function end_of(credentials)
  if not credentials.expires_at then return "they do not expire" end
  return os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(credentials.expires_at))
end

-- Where S3 has no option of its own, the other one stands for it.
local function origin_of(endpoint, options)
  local origin = wording.of_text(endpoint.origin)
  return options.s3_endpoint_url and origin or (origin:gsub("^%-%-s3%-endpoint%-url$", "--endpoint-url"))
end

-- What is found, or why it is not: whoever asks this mostly has a fault to find. One fault, a broken profile
-- above all, hides several findings, and is told once.
local function look(session, options)
  local found, faults, told = {}, {}, {}
  local function note(name, value, err, origin)
    if value then return table.insert(found, { name, value, origin }) end
    local message = wording.of(err)
    table.insert(found, { name, told[message] and "unknown" or message, fault = true })
    if not told[message] then table.insert(faults, message) end
    told[message] = true
  end
  local credentials, err = session:credentials()
  note("access key", credentials and credentials.access_key_id, err)
  if credentials then
    table.insert(found, { "source", tostring(credentials.source) })
    table.insert(found, { "until", end_of(credentials) })
  end
  note("region", session:region())
  for _, service in ipairs { "finspace_data", "s3" } do
    local endpoint, missing = session:endpoint(service)
    note(service, endpoint and endpoint.url, missing, endpoint and origin_of(endpoint, options))
  end
  return found, faults
end

local function as_json(found, faults)
  local members, texts = {}, {}
  for i, entry in ipairs(found) do
    members[i] = { (entry[1]:gsub(" ", "_")), entry.fault and "null" or json.string(entry[2]) }
  end
  for i, message in ipairs(faults) do
    texts[i] = json.string(message)
  end
  if #texts > 0 then table.insert(members, { "faults", "[" .. table.concat(texts, ",") .. "]" }) end
  return json.object(members)
end

function whoami.run(options, out)
  local found, faults = look(shared.client(options).session, options)
  if out.json then
    out:print_json(as_json(found, faults))
  else
    out:pairs(found)
  end
  return #faults > 0 and 1 or 0
end

return whoami
