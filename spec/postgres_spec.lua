local server_of = require("spec.support.postgres")
local support = require("spec.support")

-- The service runs on LuaJIT, and its databases stand behind LuaJIT's FFI.
local function missing()
  if not rawget(_G, "jit") then return "the service's databases need LuaJIT" end
  return server_of.missing()
end

describe("the service's PostgreSQL", function()
  local it_can = support.unless_missing({ it = it, skip = function(why) pending(why) end }, missing)
  local server, postgres, blob, db

  setup(function()
    if missing() then return end
    server = server_of.start()
    postgres, blob = require("finspace.service.db.postgres"), require("finspace.service.db.blob")
  end)
  teardown(function()
    if server then server.stop() end
  end)
  before_each(function()
    if not server then return end
    db = postgres.open(server.url)
    db:script("DROP TABLE IF EXISTS t; CREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT, x DOUBLE PRECISION, b BYTEA)")
  end)
  after_each(function()
    if db then db:close() end
  end)

  it_can("gives back what was bound: exact integers, fractions, bytes, texts and nothing", function()
    local bytes = "\0\1\255'\\x"
    db:insert("t", { id = "ä 'quoted' \\", n = 2 ^ 53, x = 0.1, b = blob.new(bytes) })
    db:run("INSERT INTO t (id, n) VALUES (?2, ?1)", nil, "empty")
    assert.same(
      { id = "ä 'quoted' \\", n = 2 ^ 53, x = 0.1, b = bytes },
      db:row("SELECT * FROM t WHERE n IS NOT NULL")
    )
    assert.same({ id = "empty" }, db:row("SELECT * FROM t WHERE id = ?", "empty"))
    assert.is_nil(db:row("SELECT * FROM t WHERE id = ?", "absent"))
  end)

  it_can("counts changed rows, and lists rows whole or one at a time", function()
    for i = 1, 3 do
      db:insert("t", { id = "r" .. i, n = i })
    end
    assert.equal(2, db:run("UPDATE t SET n = n + ? WHERE n > ?", 10, 1))
    local seen = {}
    for row in db:each("SELECT n FROM t ORDER BY n") do
      seen[#seen + 1] = row.n
    end
    assert.same({ 1, 12, 13 }, seen)
    assert.equal(3, #db:rows("SELECT * FROM t"))
  end)

  it_can("undoes a transaction that raises, and raises the same", function()
    local reason = { any = "table" }
    local ok, raised = pcall(db.transaction, db, function()
      db:insert("t", { id = "gone" })
      error(reason, 0)
    end)
    assert.same({ false, true, 0 }, { ok, raised == reason, #db:rows("SELECT * FROM t") })
  end)

  it_can("keeps what was read true until it is written, however two transactions lie", function()
    local other = postgres.open(server.url)
    finally(function() other:close() end)
    db:insert("t", { id = "count", n = 0 })
    local runs = 0
    db:transaction(function()
      runs = runs + 1
      local n = db:row("SELECT n FROM t WHERE id = 'count'").n
      if runs == 1 then other:transaction(function() other:run("UPDATE t SET n = n + 1 WHERE id = 'count'") end) end
      db:run("UPDATE t SET n = ? WHERE id = 'count'", n + 1)
    end)
    assert.same({ 2, 2 }, { runs, db:row("SELECT n FROM t WHERE id = 'count'").n })
  end)

  it_can("works alone when others have undone it a few times, so that it comes to its end", function()
    local other = postgres.open(server.url)
    finally(function() other:close() end)
    other:script("SET lock_timeout = '20ms'")
    db:insert("t", { id = "count", n = 0 })
    local function add_one() other:run("UPDATE t SET n = n + 1 WHERE id = 'count'") end
    local went = {}
    db:transaction(function()
      local n = db:row("SELECT n FROM t WHERE id = 'count'").n
      went[#went + 1] = pcall(other.transaction, other, add_one)
      db:run("UPDATE t SET n = ? WHERE id = 'count'", n + 1)
    end)
    assert.same({ true, true, true, false }, went)
    assert.equal(4, db:row("SELECT n FROM t WHERE id = 'count'").n)
  end)

  it_can("is busy while the server is away, and mends itself when it is back", function()
    db:insert("t", { id = "kept" })
    server.restart()
    local written, ran = pcall(db.run, db, "INSERT INTO t (id) VALUES ('unknown')")
    assert.is_false(written)
    assert.is_true(ran.is_busy)
    assert.equal("kept", db:row("SELECT id FROM t").id)
    server.restart()
    db:transaction(function() db:insert("t", { id = "again" }) end)
    assert.equal(2, #db:rows("SELECT id FROM t"))
  end)

  it_can("does a lost transaction again from its beginning, once", function()
    local runs = 0
    db:transaction(function()
      runs = runs + 1
      db:insert("t", { id = "run " .. runs })
      if runs == 1 then
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
      end
      db:row("SELECT 1 AS one")
    end)
    assert.same({ { id = "run 2" } }, db:rows("SELECT id FROM t"))
  end)

  it_can("says neither values nor passwords when it fails", function()
    local ok, raised = pcall(db.run, db, "INSERT INTO t (id, n) VALUES (?, ?)", "s3cret", "no number")
    assert.same({ false, false }, { ok, raised.is_busy })
    local url = server.url:gsub("finspace@127.0.0.1:%d+", "finspace:s3cret@127.0.0.1:1")
    local _, refused = pcall(postgres.open, url)
    assert.is_true(refused.is_busy)
    for _, problem in ipairs { raised, refused } do
      assert.is_nil(problem.message:find("s3cret", 1, true), problem.message)
    end
  end)
end)
