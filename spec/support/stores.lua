--- Stores that nodes can be put on, for specs: by their name, what starts one that has the bucket `lake`.
local lake = require("spec.support.lake")
local strict = require("spec.support.strict_servers")

--- @class spec.Store
--- @field endpoint string
--- @field credentials table  of who may do everything
--- @field role string        for --store-role
--- @field stop fun()

--- @type table<string, fun(): spec.Store|nil, string|nil>  the reason when there is none
return {
  ["a second finspace serve"] = function()
    local store = lake.start_store()
    return { endpoint = store.endpoint, credentials = store.credentials, role = lake.ROLE, stop = store.stop }
  end,
  ["radosgw"] = function()
    local server, missing = strict.radosgw { has_sts = true }
    if not server then return nil, missing end
    server:create_bucket("lake")
    local function stop() server:stop() end
    return { endpoint = server.endpoint, credentials = server.credentials, role = server.role, stop = stop }
  end,
}
