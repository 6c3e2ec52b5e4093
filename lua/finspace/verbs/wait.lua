--- What can be waited for, as data: `fs:wait_changeset`, `fs:wait_data_view`, `fs:wait_dataset`.
local final_states = require("finspace.verbs.final_states")
local options = require("finspace.options")
local poller = require("finspace.verbs.wait.poller")

--- Each names the operation that looks, and the members that say at what.
local WAITERS = {
  changeset = {
    operation = "GetChangeset",
    summary = "Waits until a changeset is SUCCESS. FAILED is an err that carries `errorInfo` and `changeset`.",
    returns = "finspace.GetChangesetOutput|nil changeset",
    class = "finspace.WaitChangesetOptions",
    members = { "datasetId", "changesetId" },
  },
  data_view = {
    operation = "GetDataView",
    summary = "Waits until a data view is SUCCESS.",
    returns = "finspace.GetDataViewOutput|nil view",
    class = "finspace.WaitDataViewOptions",
    members = { "datasetId", "dataViewId" },
  },
  dataset = {
    operation = "GetDataset",
    summary = "Waits until a dataset can be used.",
    returns = "finspace.GetDatasetOutput|nil dataset",
    class = "finspace.WaitDatasetOptions",
    members = { "datasetId" },
  },
}

local function options_of(subject, waiter)
  local declared = {
    what = "wait_" .. subject,
    class = waiter.class,
    summary = waiter.summary,
    returns = waiter.returns,
    extends = poller.OPTIONS,
  }
  for i, member in ipairs(waiter.members) do
    declared[i] = { member, "string", "which one", required = true }
  end
  return options.declare(declared)
end

local function maker(subject, waiter)
  local declared = options_of(subject, waiter)
  waiter.subject = subject
  waiter.success, waiter.failure = final_states[subject].success, final_states[subject].failure
  return function(client, given)
    declared:check(given)
    local members = {}
    for _, member in ipairs(waiter.members) do
      members[member] = given[member]
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
