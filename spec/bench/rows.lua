--- The rows of the engine's benches, DuckDB in a process of its own, and what the process that ingests has used.
local support = require("spec.support")

local rows = {}

rows.COLUMNS = {
  { columnName = "id", dataType = "BIGINT" },
  { columnName = "qty", dataType = "INTEGER" },
  { columnName = "sym", dataType = "STRING" },
  { columnName = "px", dataType = "DOUBLE" },
  { columnName = "d", dataType = "DATE" },
  { columnName = "ts", dataType = "DATETIME" },
  { columnName = "flag", dataType = "BOOLEAN" },
  { columnName = "note", dataType = "STRING" },
}

-- As it is set up in the service; prints its seconds of the processor.
local ALONE = [[
local duckdb = require("finspace.service.engine.duckdb")
local database = assert(duckdb.open { threads = "1", memory_limit = "512MiB", temp_directory = arg[1] })
local connection = database:connect()
connection:run("SET TimeZone = 'UTC'")
local began = os.clock()
connection:run(arg[2])
print(os.clock() - began)]]

local MAKE = [[COPY (SELECT i::BIGINT AS id, (i %% 500)::INTEGER AS qty, 'SYM' || (i %% 1000) AS sym,
  CAST((i * 1.37)::DECIMAL(18, 2) AS DOUBLE) AS px, DATE '2000-01-01' + (i %% 8000)::INTEGER AS d,
  TIMESTAMP '2020-01-01' + INTERVAL (i) MILLISECOND AS ts, (i %% 3 = 0) AS flag, 'note ' || hash(i) AS note
  FROM range(%d) t(i)) TO '%s' (HEADER, TIMESTAMPFORMAT '%%Y-%%m-%%dT%%H:%%M:%%S.%%gZ')]]

--- @param folder string for its temporary files
--- @param sql string
--- @return number seconds of the processor
function rows.alone(folder, sql)
  local path = folder .. "/alone.lua"
  support.write_file(path, ALONE)
  local environment = ('eval "$(make -s env LUA=luajit -C %s)"'):format(support.quote(support.root))
  local output = support.run(("%s; luajit %s %s %s"):format(environment, path, folder, support.quote(sql)))
  return tonumber(output:match("([%d.]+)%s*$")) or error(output, 0)
end

--- Writes a CSV of so many rows; a million are about 95 MB.
--- @param folder string
--- @param count integer
--- @param path string
function rows.make(folder, count, path) rows.alone(folder, MAKE:format(count, path)) end

--- @param running table a service
--- @return string pid of the process that ingests
function rows.ingester(running) return support.read_file(running.data .. "/run/ingest.pid"):match("%d+") end

--- @param pid string
--- @return number seconds of the processor that a process has used
function rows.processor_seconds(pid)
  local fields = support.read_file("/proc/" .. pid .. "/stat"):match("%) (.*)")
  local words = {}
  for word in fields:gmatch("%S+") do
    words[#words + 1] = word
  end
  return (words[12] + words[13]) / 100
end

--- @param pid string
--- @return number most memory that a process has had
function rows.peak_mib(pid)
  return tonumber(support.read_file("/proc/" .. pid .. "/status"):match("VmHWM:%s*(%d+)")) / 1024
end

return rows
