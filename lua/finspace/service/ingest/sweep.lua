--- What nobody refers to is taken away: uploads that were left behind, contents of objects that were
--- replaced or deleted, their segments, files of writers that died. A content goes only when it was
--- unused in two sweeps in a row, so that who is just reading it can finish.

local bit = require("bit")
local cjson = require("cjson.safe")
local ffi = require("ffi")
local clean_up = require("finspace.service.node.clean_up")
local clock = require("finspace.service.clock")
local duties = require("finspace.service.node.duties")
local log = require("finspace.service.log")
local sys = require("finspace.sys")
local reserve = require("finspace.service.s3.reserve")
local upload = require("finspace.service.s3.upload")

local sweep = {}

local EVERY_SECONDS = 600
local CLEAN_SECONDS = 60
local LOOK_SECONDS = 5 -- whether it is this process that sweeps
local STRAY_SECONDS = 3600 -- older than any write that still goes on without a byte arriving

local UNREFERENCED = [[NOT EXISTS (SELECT 1 FROM objects o WHERE o.content_id = contents.id)
  AND NOT EXISTS (SELECT 1 FROM changeset_sources s WHERE s.content_id = contents.id)]]
local UPLOADS = "SELECT id FROM uploads WHERE id > ? ORDER BY id LIMIT ?"
local PARTS =
  "SELECT upload_id, number, segment FROM parts WHERE (upload_id, number) > (?, ?) ORDER BY upload_id, number LIMIT ?"
local CONTENTS = "SELECT id, segments, "
  .. UNREFERENCED
  .. " AS is_unused FROM contents WHERE id > ? ORDER BY id LIMIT ?"
local ROWS = "SELECT number FROM small_segments WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
-- It may have been named again since it was looked at.
local FORGET = "DELETE FROM contents WHERE id = ? AND " .. UNREFERENCED

local PAGE = 500 -- rows, or files, between two pauses: some milliseconds
local BATCH = 100 -- rows of a transaction: other writers wait for it
local MOST_UNUSED = 50000 -- contents that one sweep notes: each is a name in memory until the next one

-- At so many percent of what is in use the collector begins anew: of a million names it makes room for all in one step of
-- 100 ms, and of few quickly.
local GARBAGE = 115

local unused_before = {}
local next_look = 0

local function pause() ngx.sleep(0) end -- ingestion's turn, and the requests'

-- Visits what `find` gives after a row, page by page.
local function each_row(find, first, visit)
  local last = first
  repeat
    local rows = find(last)
    for _, row in ipairs(rows) do
      visit(row)
    end
    last = rows[#rows]
    pause()
  until #rows < PAGE
end

local function each_of(list, visit)
  for at, item in ipairs(list) do
    visit(item)
    if at % PAGE == 0 then pause() end
  end
end

-- --- what is in use -------------------------------------------------------------------------------

-- A set of names is kept in pieces: a table of a million keys takes 200 ms when it grows.
local function piece_of(name) return name:sub(-2) end

local function add(set, name)
  local piece = set[piece_of(name)] or {}
  set[piece_of(name)], piece[name] = piece, true
end

local function has(set, name)
  local piece = set[piece_of(name)]
  return piece ~= nil and piece[name] ~= nil
end

-- A set of numbers is one of bits: of a million, tables are 70 MB, and the collector's turns as long as they are large.
local BITS = ffi.typeof("int32_t[32]")
local PIECE = 32 * 32

-- Where a number's bit is: its piece, the word in that, and the word's bit.
local function place_of(number)
  local at = number % PIECE
  return (number - at) / PIECE, bit.rshift(at, 5), bit.lshift(1, at)
end

local function add_number(set, number)
  local name, word, mask = place_of(number)
  local piece = set[name] or BITS()
  set[name], piece[word] = piece, bit.bor(piece[word], mask)
end

local function has_number(set, number)
  local name, word, mask = place_of(number)
  local piece = set[name]
  return piece ~= nil and bit.band(piece[word], mask) ~= 0
end

local function use(known, name)
  local number = tonumber(name:match("^row/(%d+)$"))
  if number then
    add_number(known.rows, number)
  else
    add(known.files, name)
  end
end

local function use_all(known, content)
  for _, segment in ipairs(cjson.decode(content.segments)) do
    use(known, segment.name)
  end
end

local function use_parts(db, known)
  each_row(
    function(last) return db:rows(PARTS, last.upload_id, last.number, PAGE) end,
    { upload_id = "", number = 0 },
    function(row) use(known, row.segment) end
  )
end

-- An upload's file is in use before the first part in it has a name.
local function use_uploads(db, known)
  each_row(function(last) return db:rows(UPLOADS, last.id, PAGE) end, { id = "" }, function(row) use(known, row.id) end)
end

-- What contents hold is in use, but for those that nothing refers to for the second time. Of very many, the rest is noted by
-- later sweeps.
local function use_contents(db, known)
  local unused_now, noted, unused_twice = {}, 0, {}
  each_row(function(last) return db:rows(CONTENTS, last.id, PAGE) end, { id = "" }, function(row)
    local is_unused = row.is_unused == 1
    if is_unused and has(unused_before, row.id) then
      unused_twice[#unused_twice + 1] = row
    else
      if is_unused and noted < MOST_UNUSED then
        add(unused_now, row.id)
        noted = noted + 1
      end
      use_all(known, row)
    end
  end)
  unused_before = unused_now
  return unused_twice
end

-- --- what goes ------------------------------------------------------------------------------------

local function in_batches(db, list, work)
  for first = 1, #list, BATCH do
    db:transaction(function()
      for at = first, math.min(first + BATCH - 1, #list) do
        work(list[at])
      end
    end)
    pause()
  end
end

local function forget_contents(db, known, unused)
  in_batches(db, unused, function(row)
    if db:run(FORGET, row.id) == 0 then use_all(known, row) end
  end)
end

-- A row is written in the transaction that refers to it: one to which nothing refers never will be in use.
local function remove_rows(db, known, newest)
  local unused = {}
  each_row(function(last) return db:rows(ROWS, last.number, newest, PAGE) end, { number = 0 }, function(row)
    if not has_number(known.rows, row.number) then unused[#unused + 1] = row.number end
  end)
  in_batches(db, unused, function(number) db:run("DELETE FROM small_segments WHERE number = ?", number) end)
end

-- A file is written before it is referred to: only old ones are strays.
local function remove_strays(folder, known, oldest)
  each_of(sys.list(folder) or {}, function(name)
    local path = folder .. "/" .. name
    local stat = not has(known.files, name) and sys.stat(path)
    if stat and stat.type == "file" and stat.mtime < oldest then sys.remove(path) end
  end)
end

local function remove_files(state, known)
  local root, oldest = state.settings.data .. "/objects", sys.now() - STRAY_SECONDS
  for _, folder in ipairs(sys.list(root) or {}) do
    remove_strays(root .. "/" .. folder, known, oldest)
  end
end

-- Uploads and parts are looked at before contents, and contents in the order in which they were made: a part that becomes
-- an object meanwhile is seen as one or the other.
local function sweep_objects(state)
  local db, known = state.db, { rows = {}, files = {} }
  local newest = db:row("SELECT coalesce(max(number), 0) AS number FROM small_segments").number
  use_uploads(db, known)
  use_parts(db, known)
  local unused = use_contents(db, known)
  forget_contents(db, known, unused)
  remove_rows(db, known, newest)
  remove_files(state, known)
end

local function with_little_garbage(work, state)
  local before = collectgarbage("setpause", GARBAGE)
  local ok, problem = pcall(work, state)
  collectgarbage("setpause", before)
  if not ok then error(problem, 0) end
end

--- Sweeps now, in short steps: others go on between them.
--- @param state table
function sweep.run(state)
  state.store:sweep() -- without a pause: nothing begins meanwhile
  upload.sweep(state.db, clock.milliseconds())
  with_little_garbage(sweep_objects, state)
  reserve.keep(state.settings.data)
end

local is_sweeping = false

local function run_apart(state)
  local ok, problem = pcall(sweep.run, state)
  is_sweeping = false
  if not ok then log.problem("the sweep", problem) end
end

--- Begins a sweep, beside what else the process does, when the last one is long enough ago, whoever made it; where one
--- process does all, at its start. Call it while nothing is at work.
--- @param state table
function sweep.when_due(state)
  local now = sys.monotonic()
  if now < next_look or is_sweeping then return end
  next_look = now + LOOK_SECONDS
  if duties.claim(state.db, "clean up", CLEAN_SECONDS) then clean_up(state.db) end
  if not duties.claim(state.db, "sweep", EVERY_SECONDS) then return end
  is_sweeping = true
  ngx.thread.spawn(run_apart, state)
end

return sweep
