local server_of = require("spec.support.postgres")
local service = require("spec.support.service")
local support = require("spec.support")

local function missing() return server_of.missing() end

describe("finspace serve --database #once", function()
  local it_can = support.unless_missing({ it = it, pending = pending }, missing)
  local server, nodes

  setup(function()
    if not missing() then server = server_of.start() end
  end)
  teardown(function()
    if server then server.stop() end
  end)
  before_each(function() nodes = {} end)
  after_each(function()
    for _, node in ipairs(nodes) do
      node.stop()
    end
  end)

  local function start(options)
    nodes[#nodes + 1] = service.start(options)
    return nodes[#nodes]
  end

  -- Why a start was refused.
  local function refused(options, settings)
    local code = ("print(select(2, require('finspace.service').start(%s)))"):format(options)
    local words = settings and "env " .. settings or ""
    return (support.run(("%s %s -e %s"):format(words, support.interpreter(), support.quote(code))))
  end

  it("refuses what is no URL of PostgreSQL's, and never shows it", function()
    for _, said in ipairs {
      refused("{ database = 'mysql://root:s3cret@db/x' }"),
      refused("{}", "FINSPACE_DATABASE=s3cret"),
    } do
      assert.matches("--database must be a URL of PostgreSQL's", said, 1, true)
      assert.is_nil(said:find("s3cret", 1, true))
    end
  end)

  it("refuses numbers of processes that make no service", function()
    local said = refused("{ database = 'postgresql://db/x', workers = 0, ingest_workers = 0 }")
    assert.matches("cannot both be 0", said, 1, true)
    assert.matches("--workers must be a whole number", refused("{ workers = 0 }"), 1, true)
    assert.matches("--ingest-workers other than 1 need --database", refused("{ ingest_workers = 2 }"), 1, true)
  end)

  it("names the variable whose file has no keys", function()
    local said = refused("{ database = 'postgresql://db/x' }", "FINSPACE_OWNER_KEY_FILE=/nonexistent")
    assert.matches("FINSPACE_OWNER_KEY_FILE: /nonexistent has no aws_access_key_id", said, 1, true)
  end)

  it_can("makes the owner's keys once, shows them once, and needs nothing of the folder", function()
    local url = server.new_database()
    local function node()
      return start { database = url, owner_keys = "/dev/null", settings = { "FINSPACE_OWNER_KEY_FILE=" } }
    end
    local first = node()
    local id, secret = first.log():match("aws_access_key_id = (%S+)%s+aws_secret_access_key = (%S+)")
    assert.truthy(id)
    local second = node()
    assert.is_nil(second.log():find(secret, 1, true))
    local keys = { access_key_id = id, secret_access_key = secret }
    local made =
      assert(first.call("CreateDataset", { datasetTitle = "x", kind = "TABULAR", permissionGroupParams = {} }, keys))
    assert.equal("x", assert(second.call("GetDataset", { datasetId = made.datasetId }, keys)).datasetTitle)
  end)

  it_can("shows the URL's password in no message, no command line and no log", function()
    local url = server.new_database():gsub("finspace@", "finspace:s3cret@")
    local node = start { database = url }
    local commands = support.run("ps -ww -eo args")
    assert.truthy(commands:find(node.data, 1, true))
    for name, text in pairs {
      ["ps"] = commands,
      ["the log"] = node.log(),
      ["nginx.conf"] = support.read_file(node.data .. "/run/nginx.conf"),
    } do
      assert.is_nil(text:find("s3cret", 1, true), name)
    end
  end)

  it_can("refuses a database of a newer finspace, and another program's", function()
    local url = server.new_database()
    start({ database = url }).stop()
    server_of.sql(url, "UPDATE finspace_schema SET version = 1000")
    local ok, said = pcall(start, { database = url })
    assert.same({ false, true }, { ok, said:find("its schema has version 1000", 1, true) ~= nil })
    local other = server.new_database()
    server_of.sql(other, "CREATE TABLE datasets (n INTEGER)")
    ok, said = pcall(start, { database = other })
    assert.same({ false, true }, { ok, said:find("it is another program's database", 1, true) ~= nil })
  end)
end)
