local journal = require("finspace.verbs.load.journal")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("the journal of a load", function()
  local folder

  before_each(function() folder = support.temporary_folder() end)
  after_each(function() support.remove_folder(folder) end)

  local function open(name) return journal.open(folder .. "/state/loads", name or "one") end

  it("lies in XDG_STATE_HOME, or below HOME", function()
    local function getenv(variables)
      return function(name) return variables[name] end
    end
    assert.are.equal("/s/finspace/loads", journal.folder(getenv { XDG_STATE_HOME = "/s", HOME = "/h" }))
    assert.are.equal("/h/.local/state/finspace/loads", journal.folder(getenv { HOME = "/h" }))
    assert.are.equal(
      "/h/.local/state/finspace/loads",
      journal.folder(getenv { HOME = "/h", XDG_STATE_HOME = "relative" })
    )
    assert.are.equal("NoStateFolder", select(2, journal.folder(getenv {})).code)
  end)

  it("is found again by what makes the load", function()
    assert.are.equal(journal.name("a", "b"), journal.name("a", "b"))
    assert.are_not.equal(journal.name("a", "b"), journal.name("ab", ""))
  end)

  it("keeps what was noted for the next run", function()
    local first = assert(open())
    assert.is_nil(first.state)
    assert(first:write { stage = "staging", client_token = "t", parts = 12 })
    first:close()
    local second = assert(open())
    assert.are.equal("staging", second.state.stage)
    assert.are.equal(12, second.state.parts)
    second:close()
  end)

  it("can be read by its owner alone", function()
    local notes = assert(open())
    assert(notes:write { stage = "staging" })
    assert.are.equal(384, sys.stat(notes.path).mode) -- 0600
    assert.are.equal(448, sys.stat(folder .. "/state/loads").mode) -- 0700
    notes:close()
  end)

  it("is held by one process at a time, and let go of when that one dies", function()
    local held = assert(open())
    local _, err = open()
    assert.are.equal("LoadInProgress", err.code)
    held:close()
    local again = assert(open())
    again:close()
  end)

  it("leaves nothing behind when the load is over", function()
    local notes = assert(open())
    assert(notes:write { stage = "created" })
    notes:remove()
    notes:close()
    assert.are.same({}, sys.list(folder .. "/state/loads"))
  end)

  it("clears what a run left that was killed while it wrote", function()
    assert(open()):close()
    support.write_file(folder .. "/state/loads/one.json.0123456789abcdef.tmp", "{")
    support.write_file(folder .. "/state/loads/two.json.0123456789abcdef.tmp", "{")
    assert(open()):close()
    assert.are.same({ "two.json.0123456789abcdef.tmp" }, sys.list(folder .. "/state/loads"))
  end)

  it("begins anew where its file is broken", function()
    local notes = assert(open())
    notes:close()
    support.write_file(folder .. "/state/loads/one.json", '{"stage": "stag')
    notes = assert(open())
    assert.is_nil(notes.state)
    notes:close()
  end)

  it("lists what is unfinished, oldest first", function()
    for name, time in pairs { b = 2, a = 3, c = 1 } do
      local notes = assert(open(name))
      assert(notes:write { begun_at = time })
      notes:close()
    end
    local times = {}
    for i, state in ipairs(journal.unfinished(folder .. "/state/loads")) do
      times[i] = state.begun_at
    end
    assert.are.same({ 1, 2, 3 }, times)
    assert.are.same({}, journal.unfinished(folder .. "/nowhere"))
  end)

  it("says what is wrong where it cannot be written", function()
    support.write_file(folder .. "/file", "")
    local _, err = journal.open(folder .. "/file/loads", "one")
    assert.are.equal("JournalUnwritable", err.code)
  end)
end)
