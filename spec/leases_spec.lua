local leases = require("finspace.service.leases")
local service = require("spec.support.service")

-- The statement by which a lease of a kind is looked for.
local function statement_of(kind)
  local asked
  local db = { dialect = { is_shared = false, unlocked_ones = "" }, row = function(_, sql) asked = sql end }
  leases.take(db, kind, "worker", false)
  return assert(asked)
end

describe("Looking for work #once", function()
  local running
  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  -- Asked twenty times a second, for as long as the service runs.
  it("reads an index of what is to do, and no changeset that is done", function()
    for kind, indexes in pairs {
      changeset = { "changesets_at_work", "changesets_by_state" },
      unread = { "changesets_unread" },
      view = { "data_views_at_work", "changesets_unread" },
    } do
      local plan = running.sql("EXPLAIN QUERY PLAN " .. statement_of(kind))
      for _, index in ipairs(indexes) do
        assert.truthy(plan:find(index, 1, true), plan)
      end
      assert.is_nil(plan:find("SCAN", 1, true), plan)
      if kind ~= "changeset" then assert.is_nil(plan:find("changesets_at_work", 1, true), plan) end
    end
  end)
end)
