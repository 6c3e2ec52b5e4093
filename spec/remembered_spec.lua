local remembered = require("finspace.service.remembered")

-- A database of which others change nothing but its version.
local function database(version)
  return { at = version, version = function(self) return self.at end }
end

local function counter(answer)
  local reads = { count = 0 }
  function reads.read(...)
    reads.count = reads.count + 1
    return answer or table.concat({ ... }, " ")
  end
  return reads
end

describe("what is remembered of the database", function()
  it("is read once until somebody commits", function()
    local memory, db, reads = remembered.new(10), database("1"), counter()
    assert.equal("a row", memory:of(db, "name", reads.read, "a", "row"))
    assert.equal("a row", memory:of(db, "name", reads.read, "a", "row"))
    assert.equal(1, reads.count)
    db.at = "2"
    assert.equal("another", memory:of(db, "name", reads.read, "another"))
    assert.equal(2, reads.count)
  end)

  it("is nothing where the database tells no version, and where nothing was found", function()
    local memory, reads = remembered.new(10), counter()
    memory:of({}, "name", reads.read)
    memory:of({ version = function() end }, "name", reads.read)
    assert.equal(2, reads.count)
    local found, db = nil, database("1")
    local function read() return found end
    assert.is_nil(memory:of(db, "name", read))
    found = "now it is there"
    assert.equal(found, memory:of(db, "name", read))
  end)

  it("of an earlier version is not taken for one of a later version", function()
    local memory, db = remembered.new(10), database("1")
    local answer = memory:of(db, "name", function()
      db.at = "2" -- another request reads, and remembers, while this one waits
      memory:of(db, "other", function() return "later" end)
      return "earlier"
    end)
    assert.equal("earlier", answer)
    assert.equal("later", memory:of(db, "name", function() return "later" end))
  end)

  it("is so many values", function()
    local memory, db, reads = remembered.new(2), database("1"), counter("12345678")
    for _, name in ipairs { "a", "b", "a", "b" } do
      memory:of(db, name, reads.read)
    end
    assert.equal(2, reads.count)
    memory:of(db, "c", reads.read)
    memory:of(db, "a", reads.read)
    assert.equal(4, reads.count)
  end)

  it("is so many bytes, names among them", function()
    local memory, db, reads = remembered.new(1000, 20), database("1"), counter("12345678")
    for _, name in ipairs { "a", "b", "a", "b" } do
      memory:of(db, name, reads.read)
    end
    assert.equal(2, reads.count)
    memory:of(db, "c", reads.read) -- the third has no room beside the others
    memory:of(db, "c", reads.read)
    assert.equal(3, reads.count)
    memory:of(db, "a", reads.read)
    assert.equal(4, reads.count)
    for _ = 1, 2 do
      memory:of(db, ("long"):rep(4), reads.read) -- never has room
    end
    assert.equal(6, reads.count)
    memory:of(db, "a", reads.read)
    assert.equal(6, reads.count)
  end)
end)
