--- Group commit: what requests write at the same time is one transaction, and one wait for the disk.
-- The first of them leads: it lets those that are ready join, does the work of all, and then each
-- goes on to its answer. None is answered before the commit, as if it had been alone.

local semaphore = require("ngx.semaphore")
local database = require("finspace.service.db")

local group_commit = {}

local LONGEST_SECONDS = 60 -- far longer than a commit waits for another process' write

local forming -- the group of this process that the next commit takes

local function do_all(group)
  for _, member in ipairs(group) do
    member.result = member.work()
  end
end

local function do_alone(db, member)
  member.is_done, member.result = pcall(db.transaction, db, member.work)
end

-- Where one fails all are undone, and each is done again alone: what failed says so to its own request.
-- A database that stays locked would only make each wait in its turn.
local function commit(db, group)
  local are_done, problem = pcall(db.transaction, db, function() do_all(group) end)
  local is_for_all = #group == 1 or database.is_busy(problem)
  for _, member in ipairs(group) do
    if are_done then
      member.is_done = true
    elseif is_for_all then
      member.result = problem
    else
      do_alone(db, member)
    end
  end
end

local function join(group, member)
  group[#group + 1] = member
  local ended, problem = group.ended:wait(LONGEST_SECONDS)
  if not ended then member.result = "the group's commit did not end: " .. problem end
end

local function lead(db, member)
  local group = { member, ended = semaphore.new() }
  forming = group
  ngx.sleep(0) -- one turn of the event loop: who is ready joins
  forming = nil
  commit(db, group)
  if #group > 1 then group.ended:post(#group - 1) end
end

--- Like db:transaction, in common with other requests' work. It waits, so the caller must hold
--- nothing that others need.
--- @param db table
--- @param work fun(): any must not wait; may be run again after it was undone
--- @return any result of work
function group_commit.transaction(db, work)
  local member = { work = work }
  if forming then
    join(forming, member)
  else
    lead(db, member)
  end
  if not member.is_done then error(member.result, 0) end
  return member.result
end

return group_commit
