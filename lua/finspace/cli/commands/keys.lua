--- `finspace keys`
local json = require("finspace.cli.json")
local shared = require("finspace.cli.options")

local keys = {}

function keys.define(command)
  shared.connection(command)
  command:epilog(
    "Example, in ~/.aws/config, so that every AWS tool takes FinSpace's own keys:\n\n"
      .. "  [profile research]\n  credential_process = finspace keys --profile my-iam-keys --environment-id ENVIRONMENT\n\n"
      .. "It prints a secret: into a pipe, not on a screen."
  )
end

-- As a credential_process prints them: AWS CLI's User Guide, "Sourcing credentials with an external process".
local function document(found)
  local expiration = found.expires_at and os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(found.expires_at))
  local members = {
    { "Version", "1" },
    { "AccessKeyId", json.string(found.access_key_id) },
    { "SecretAccessKey", json.string(found.secret_access_key) },
  }
  if found.session_token then table.insert(members, { "SessionToken", json.string(found.session_token) }) end
  if expiration then table.insert(members, { "Expiration", json.string(expiration) }) end
  return json.object(members)
end

function keys.run(options, out)
  local session = shared.client(options).session
  local opened, err = session:exchange()
  local found = nil
  if opened then
    found, err = session:credentials()
  end
  if not found then return out:fail(err) end
  out:print(document(found))
  return 0
end

return keys
