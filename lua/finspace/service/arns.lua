--- The names that AWS gives to things (ARNs), as this service gives them.
local arns = {}

--- The one account that there is.
arns.ACCOUNT = "000000000000"

--- The name of something below the environment: pairs of a kind and an id, from the outside in.
---
---     arns.of(call.settings, "dataset", dataset_id, "changeset", changeset_id)
---
--- @param settings { region: string, environment: string }
--- @param ... string
--- @return string
function arns.of(settings, ...)
  local head = ("arn:aws:finspace:%s:%s:environment/%s"):format(settings.region, arns.ACCOUNT, settings.environment)
  return table.concat({ head, ... }, "/")
end

--- The role of the service's owner, which AssumeRole gives keys of, too.
arns.OWNER_ROLE = ("arn:aws:iam::%s:role/finspace-owner"):format(arns.ACCOUNT)

--- @param id string
--- @return string
function arns.user(id) return ("arn:aws:iam::%s:user/%s"):format(arns.ACCOUNT, id) end

return arns
