local server_of = require("spec.support.postgres")
local socket = require("socket")
local support = require("spec.support")
local sys = require("finspace.sys")

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

  local function is_one(of)
    local ok, row = pcall(of.row, of, "SELECT 1 AS one")
    return ok and row.one == 1, row
  end

  it_can("gives a server up that hangs, asks it no more for a moment, and again when it goes on", function()
    local impatient = postgres.open(server.url .. "?tcp_user_timeout=300&connect_timeout=1")
    finally(function()
      server.thaw()
      impatient:close()
    end)
    server.freeze()
    local _, raised = is_one(impatient)
    assert.same({ true, true }, { raised.is_busy, raised.is_lost })
    assert.matches("the server did not answer for 0.3 s", raised.message, 1, true)
    _, raised = is_one(impatient)
    assert.matches("silent a moment ago", raised.message, 1, true)
    server.thaw()
    for _ = 1, 1000 do
      if is_one(impatient) then break end
      sys.sleep(0.01)
    end
    assert.is_true((is_one(impatient)))
  end)

  it_can("undoes a transaction in which the server hung, and does it no second time", function()
    local impatient, runs = postgres.open(server.url .. "?tcp_user_timeout=300"), 0
    finally(function()
      server.thaw()
      impatient:close()
    end)
    local ok, raised = pcall(impatient.transaction, impatient, function()
      runs = runs + 1
      impatient:insert("t", { id = "half" })
      server.freeze()
      pcall(impatient.insert, impatient, "t", { id = "lost" })
      impatient:insert("t", { id = "outside of it" })
    end)
    server.thaw()
    assert.same({ false, true, 1 }, { ok, raised.is_busy, runs })
    assert.same({}, db:rows("SELECT id FROM t"))
  end)

  it_can("lets statements take longer, or not as long, where that is said", function()
    local impatient = postgres.open(server.url .. "?tcp_user_timeout=300")
    finally(function() impatient:close() end)
    impatient:within(60, function() impatient:row("SELECT pg_sleep(0.5)") end)
    local ok, raised = pcall(db.within, db, 0.1, function() db:row("SELECT pg_sleep(60)") end)
    assert.same({ false, true }, { ok, raised.is_busy })
  end)

  it_can("finds the next of its servers when one takes connections and never answers", function()
    local deaf = assert(socket.bind("127.0.0.1", 0))
    local _, port = deaf:getsockname()
    local url = server.url:gsub("127.0.0.1", ("127.0.0.1:%d,127.0.0.1"):format(port)) .. "?connect_timeout=1"
    local other = postgres.open(url)
    finally(function()
      other:close()
      deaf:close()
    end)
    assert.is_true((is_one(other)))
    local ok, raised = pcall(postgres.open, ("postgresql://127.0.0.1:%d/x?connect_timeout=1"):format(port))
    assert.same({ false, true }, { ok, raised.is_busy })
    assert.matches("did not answer for 1 s", raised.message, 1, true)
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
    local _, unfit = pcall(db.run, db, "INSERT INTO t (id) VALUES (?)", "s3cret\255")
    assert.same({ true, "a text that is not UTF-8 cannot be kept" }, { unfit.is_unfit, unfit.message })
    local url = server.url:gsub("finspace@127.0.0.1:%d+", "finspace:s3cret@127.0.0.1:1")
    local _, refused = pcall(postgres.open, url)
    assert.is_true(refused.is_busy)
    for _, problem in ipairs { raised, refused } do
      assert.is_nil(problem.message:find("s3cret", 1, true), problem.message)
    end
  end)
end)
