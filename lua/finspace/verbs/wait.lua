--- What can be waited for, as data: `fs:wait_changeset`, `fs:wait_data_view`, `fs:wait_dataset`.
local options = require("finspace.options")
local poller = require("finspace.verbs.wait.poller")

--- Each names the operation that looks, the members that say at what, and the states that are final.
--- Every other state, STOP_REQUESTED among them, is on its way.
local WAITERS = {
  changeset = {
    operation = "GetChangeset",
    members = { "datasetId", "changesetId" },
    success = { SUCCESS = true },
    failure = { FAILED = true },
  },
  data_view = {
    operation = "GetDataView",
    members = { "datasetId", "dataViewId" },
    success = { SUCCESS = true },
    failure = { FAILED = true, CANCELLED = true, TIMEOUT = true, FAILED_CLEANUP_FAILED = true },
  },
  dataset = {
    operation = "GetDataset",
    members = { "datasetId" },
    success = { SUCCESS = true },
    failure = { FAILED = true },
  },
}

local function rules_of(waiter)
  local rules = {}
  for name, rule in pairs(poller.OPTIONS) do
    rules[name] = rule
  end
  for _, member in ipairs(waiter.members) do
    rules[member] = "string"
  end
  return rules
end

local function maker(subject, waiter)
  local what, rules = "wait_" .. subject, rules_of(waiter)
  waiter.subject = subject
  return function(client, given)
    options.check(what, given, rules)
    given = given or {}
    local members = {}
    for _, member in ipairs(waiter.members) do
      members[member] = options.require(what, given, member)
    end
    local function look(seconds_left) return client:call(waiter.operation, members, { deadline = seconds_left }) end
    return poller.wait(client.session.runtime, waiter, look, given)
  end
end

local waiters = {}
for subject, waiter in pairs(WAITERS) do
  waiters[subject] = maker(subject, waiter)
end

return waiters
