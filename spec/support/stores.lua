--- Stores that nodes can be put on, for specs: by their name, what starts one that has the bucket `lake`.
local lake = require("spec.support.lake")
local service = require("spec.support.service")
local strict = require("spec.support.strict_servers")

--- @class spec.Store
--- @field endpoint string
--- @field ask fun(wanted: table): table|nil  as of service.start, signed with `credentials`
--- @field credentials table  of who may do everything
--- @field role string        for --store-role
--- @field stop fun()

--- @type table<string, fun(): spec.Store|nil, string|nil>  the reason when there is none
return {
  ["a second finspace serve"] = function()
    local store = lake.start_store()
    store.role = lake.ROLE
    return store
  end,
  ["radosgw"] = function()
    local server, missing = strict.radosgw { has_sts = true }
    if not server then return nil, missing end
    server:create_bucket("lake")
    local store = { endpoint = server.endpoint, port = server.port, region = server.region, role = server.role }
    store.credentials = server.credentials
    function store.ask(wanted) return service.ask_of(store, wanted) end
    function store.stop() server:stop() end
    return store
  end,
}
