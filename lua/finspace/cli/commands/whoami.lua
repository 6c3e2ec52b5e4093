--- `finspace whoami`
local shared = require("finspace.cli.options")

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

-- What is found, or why it is not: whoever asks this mostly has a fault to find.
local function look(session)
  local found, trouble = {}, nil
  local function note(name, value, err, origin)
    if not value then trouble = trouble or err end
    table.insert(found, { name, value or tostring(err), origin })
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
    note(service, endpoint and endpoint.url, missing, endpoint and endpoint.origin)
  end
  return found, trouble
end

function whoami.run(options, out)
  local found, trouble = look(shared.client(options).session)
  if out.json then
    local encode, members = require("finspace.cli.json").string, {}
    for i, entry in ipairs(found) do
      members[i] = encode((entry[1]:gsub(" ", "_"))) .. ":" .. encode(entry[2])
    end
    out:print_json("{" .. table.concat(members, ",") .. "}")
  else
    out:pairs(found)
  end
  return trouble and 1 or 0
end

return whoami
