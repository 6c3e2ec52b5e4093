--- Runs every spec on every Lua that is here, and once more under sanitizers, several at a time.
---
---   lua5.4 spec/support/run.lua          all suites
---   lua5.4 spec/support/run.lua asan     one suite
---   lua5.4 spec/support/run.lua interop  those that ask third parties
---
--- With FINSPACE_INTEROP_FOLLOWS in the environment `interop` is run afterwards, and nothing of it now: .ci/run asks
--- nobody twice.
---
--- The suite "secrets" runs with a helper that writes down whatever the code under test says: errors with
--- all their fields, log events, keys as text. No secret of the specs may be among it, nor in any log.
---
--- Each spec file runs in a process of its own: one that crashes is counted, and hides no other. A
--- describe whose name has #once runs on Lua 5.4 alone; one whose name has #interop asks third parties
--- that `make interop` installs, and is in the suite of that name. What a spec leaves running is ended, and
--- counts as a failure. The output ends in what was skipped and why, what failed, and "N passed, N failed, N
--- skipped".

local root = assert(io.popen("pwd")):read("*l")
local logs = root .. "/build/test"
local only = arg[1]
local interop_follows = os.getenv("FINSPACE_INTEROP_FOLLOWS") ~= nil

local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>/dev/null"))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read("*a")
  file:close()
  return text
end

--- The sanitizers' libraries must come first in the process, before Lua itself.
local function sanitizers()
  local libraries = output_of("gcc -print-file-name=libasan.so") .. ":" .. output_of("gcc -print-file-name=libubsan.so")
  return "LD_PRELOAD="
    .. libraries
    .. " FINSPACE_SANITIZED=1 ASAN_OPTIONS=detect_leaks=0:abort_on_error=0"
    .. " UBSAN_OPTIONS=print_stacktrace=1"
end

--- What the core computes must not depend on the compiler.
local CLANG_SPECS = { "digest", "finish", "prepare", "sigv4", "sigv4_vectors", "verify" }

-- The service past one machine, which must change nothing that it says: its metadata in PostgreSQL, and its bytes in a
-- second service or in Ceph's radosgw.
local SERVICE_SPECS =
  { "glue", "service", "service_engine", "service_ingest", "service_s3", "service_store", "service_views" }

local function past_one_machine(name, store, needs)
  return {
    name = name,
    program = "lua5.4",
    build = "build/lua5.4",
    once = true,
    only = SERVICE_SPECS,
    environment = function() return ("FINSPACE_TEST_DATABASE=postgres FINSPACE_TEST_STORE='%s'"):format(store) end,
    optional = true,
    needs = needs,
  }
end

local suites = {
  { name = "lua5.4", program = "lua5.4", build = "build/lua5.4", once = true },
  { name = "luajit", program = "luajit", build = "build/lua5.1" },
  { name = "secrets", program = "lua5.4", build = "build/lua5.4", listens = true },
  { name = "clang", program = "lua5.4", build = "build/clang/lua5.4", only = CLANG_SPECS },
  past_one_machine("postgres", "a second finspace serve", "/usr/lib/postgresql/*/bin/postgres"),
  past_one_machine("radosgw", "radosgw", "/usr/bin/radosgw"),
  { name = "asan", program = "lua5.4", build = "build/asan/lua5.4", environment = sanitizers },
  { name = "lua5.1", program = "lua5.1", build = "build/lua5.1", optional = true },
  { name = "lua5.3", program = "lua5.3", build = "build/lua5.3", optional = true },
  { name = "interop", program = "lua5.4", build = "build/lua5.4", once = true, tag = "interop" },
}

local function spec_files()
  local files = {}
  for path in output_of("ls spec/*_spec.lua"):gmatch("%S+") do
    local text = read_file(path)
    files[#files + 1] = {
      path = path,
      name = path:match("([^/]+)_spec"),
      slow = text:find("#once", 1, true) ~= nil,
      interop = text:find("#interop", 1, true) ~= nil,
    }
  end
  return files
end

-- What all processes of this run have in their environment, followed by the spec that started them.
local MARK = ("FINSPACE_SPECS=%d.%s."):format(os.time(), tostring({}):match("0x(%x+)"))

-- For a spec that hangs: no test depends on how fast the machine is.
local SECONDS_A_SPEC = 1800

local function excluded_tags(suite)
  if not suite.once then return "--exclude-tags=once" end
  return interop_follows and not suite.tag and "--exclude-tags=interop" or ""
end

local function command_of(suite, file, log)
  return table.concat({
    "env FINSPACE_ROOT=" .. root .. " " .. MARK .. suite.name .. "." .. file.name,
    "LUA_PATH='"
      .. root
      .. "/lua/?.lua;"
      .. root
      .. "/lua/?/init.lua;"
      .. root
      .. "/?.lua;"
      .. root
      .. "/?/init.lua;;'",
    "LUA_CPATH='" .. root .. "/" .. suite.build .. "/?.so;;'",
    suite.environment and suite.environment() or "",
    suite.listens and "FINSPACE_SAID=" .. log .. ".said" or "",
    "timeout -k 10 " .. SECONDS_A_SPEC,
    suite.program,
    output_of("command -v busted"),
    suite.tag and "--tags=" .. suite.tag or "",
    excluded_tags(suite),
    suite.listens and "--helper=spec.support.listener" or "",
    file.path,
    "> " .. log .. " 2>&1 < /dev/null",
  }, " ")
end

local function runs(suite, file)
  if suite.tag then return file[suite.tag] end
  for _, wanted in ipairs(suite.only or { file.name }) do
    if wanted == file.name then return true end
  end
  return false
end

--- Slow jobs come first, so that the last core to finish has little left to do.
local function jobs_of(chosen, files)
  local slow, quick = {}, {}
  for _, suite in ipairs(chosen) do
    for _, file in ipairs(files) do
      local log = ("%s/%s.%s.log"):format(logs, suite.name, file.name)
      local job = { suite = suite, path = file.path, log = log, command = command_of(suite, file, log) }
      local queue = (suite.once and file.slow) and slow or quick
      if runs(suite, file) then queue[#queue + 1] = job end
    end
  end
  for _, job in ipairs(quick) do
    slow[#slow + 1] = job
  end
  return slow
end

local function run(jobs)
  local list = assert(io.open(logs .. "/jobs", "w"))
  for _, job in ipairs(jobs) do
    list:write(job.command, "\n")
  end
  list:close()
  local cores = tonumber(output_of("nproc")) or 2
  os.execute(("xargs -d '\\n' -P %d -I{} sh -c {} < %s/jobs"):format(math.max(2, cores), logs))
end

--- A job that printed no summary did not get to its end: that is one failure more.
local function tally(job)
  local text = read_file(job.log)
  local passed, failed, errors, skipped =
    text:match("(%d+) success%a* / (%d+) failure%a* / (%d+) error%a* / (%d+) pending")
  if not passed then
    return { passed = 0, failed = 1, skipped = 0, text = text .. "\n(no summary: it did not finish)" }
  end
  return {
    passed = tonumber(passed),
    failed = tonumber(failed) + tonumber(errors),
    skipped = tonumber(skipped),
    text = text,
  }
end

-- Counts the sentences that each reason skipped.
local function count_skipped(text, reasons)
  for reason in text:gmatch("Pending %-> [^\n]+\n[^\n]+\n([^\n]*)") do
    reason = reason:gsub("^[^:]*:%-?%d+: ", "") -- where it was said
    reasons[reason] = (reasons[reason] or 0) + 1
  end
end

-- The sentences of a job that failed, or the end of what it said when it did not get to its summary.
local function add_failures(failures, job, text)
  local before = #failures
  for kind, place, sentence in text:gmatch("(%a+) %-> (%S+ @ %d+)\n([^\n]+)") do
    if kind ~= "Pending" then failures[#failures + 1] = ("%s %s %s"):format(job.suite.name, place, sentence) end
  end
  if #failures == before then
    failures[#failures + 1] = ("%s %s %s"):format(job.suite.name, job.path, text:match("([^\n]*)%s*$"))
  end
end

-- Once more at the end, where who reads the output begins.
local function report_failures(failures)
  if #failures > 0 then print("\nfailed:\n  " .. table.concat(failures, "\n  ")) end
end

-- What was skipped, and for want of what; a reason in which a command stands is ended by it.
local function report_skipped(reasons)
  local lines = {}
  for reason, count in pairs(reasons) do
    lines[#lines + 1] = ("%5d  %s"):format(count, reason)
  end
  if #lines == 0 then return end
  table.sort(lines)
  print("\nskipped sentences, and why:\n" .. table.concat(lines, "\n"))
end

local function is_here(suite)
  return (not suite.needs or output_of("ls " .. suite.needs) ~= "")
    and output_of("command -v " .. suite.program) ~= ""
    and output_of("ls " .. suite.build .. "/finspace/core.so") ~= ""
end

-- What asks Ceph's radosgw is in both: it is among the third parties, and may be installed before.
local function is_wanted(suite)
  if only == "interop" then return suite.name == "interop" or suite.name == "radosgw" end
  if only then return only == suite.name end
  return suite.name ~= "interop" and not (interop_follows and suite.name == "radosgw")
end

local function choose()
  local chosen = {}
  for _, suite in ipairs(suites) do
    if is_wanted(suite) then
      if is_here(suite) then
        chosen[#chosen + 1] = suite
      else
        assert(suite.optional, suite.name .. " is not installed, or not built: run `make test`")
      end
    end
  end
  return chosen
end

-- The specs' secrets have "canary" in them, or are AWS's well-known example.
local SECRETS = { "canary", "wjalrxutnfemi" }

--- Looks for the specs' secrets in all that was said, and gives how many texts that was and the hits.
local function listen(jobs)
  local texts, hits = 0, {}
  for _, job in ipairs(jobs) do
    if job.suite.listens then
      for text in (read_file(job.log .. ".said") .. "\0"):gmatch("([^%z]*)%z") do
        texts = texts + 1
        for _, secret in ipairs(SECRETS) do
          if text:lower():find(secret, 1, true) then hits[#hits + 1] = job.path .. ": " .. text end
        end
      end
    end
  end
  return texts, hits
end

--- Counts one sentence more, which passed or failed.
local function add_outcome(total, failures, sentence, is_good)
  local outcome = is_good and "passed" or "failed"
  total[outcome] = total[outcome] + 1
  if not is_good then failures[#failures + 1] = sentence end
end

--- Reports the secrets that were said.
local function report_secrets(jobs, total, failures)
  local texts, hits = listen(jobs)
  if texts == 0 then return end
  for _, hit in ipairs(hits) do
    print("a secret was said: " .. hit)
  end
  print(("secrets in %d texts that were said: %d"):format(texts, #hits))
  add_outcome(total, failures, "a secret was said, see above", #hits == 0)
end

local function marked_processes() return output_of(("grep -lz '^%s' /proc/[0-9]*/environ"):format(MARK)) end

--- Servers of specs stop by themselves, and end with their spec. One that is just ending has a moment for
--- it; one that goes on is named, and ended.
local function report_left_over(total, failures)
  for _ = 1, 100 do
    if marked_processes() == "" then break end
    os.execute("sleep 0.1")
  end
  local left = marked_processes()
  for pid in left:gmatch("/proc/(%d+)/environ") do
    local spec = read_file("/proc/" .. pid .. "/environ"):match(MARK:gsub("%p", "%%%0") .. "(%Z+)")
    print(("left behind by %s: %s %s"):format(spec, pid, (read_file("/proc/" .. pid .. "/cmdline"):gsub("%z", " "))))
    os.execute("kill -9 " .. pid)
  end
  add_outcome(total, failures, "a process was left behind, see above", left == "")
end

local function report(chosen, jobs)
  local total, reasons, failures = { passed = 0, failed = 0, skipped = 0 }, {}, {}
  for _, suite in ipairs(chosen) do
    local sum = { files = 0, passed = 0, failed = 0, skipped = 0 }
    for _, job in ipairs(jobs) do
      if job.suite == suite then
        local result = tally(job)
        sum.files = sum.files + 1
        for key in pairs(total) do
          sum[key], total[key] = sum[key] + result[key], total[key] + result[key]
        end
        if result.failed > 0 then
          print(("\n== %s %s\n%s"):format(suite.name, job.path, result.text))
          add_failures(failures, job, result.text)
        end
        count_skipped(result.text, reasons)
      end
    end
    print(
      ("%-8s %3d specs %5d passed %3d failed %3d skipped"):format(
        suite.name,
        sum.files,
        sum.passed,
        sum.failed,
        sum.skipped
      )
    )
  end
  report_secrets(jobs, total, failures)
  report_left_over(total, failures)
  report_skipped(reasons)
  report_failures(failures)
  print(("\n%d passed, %d failed, %d skipped"):format(total.passed, total.failed, total.skipped))
  return total.failed == 0
end

os.execute("rm -rf " .. logs .. " && mkdir -p " .. logs)
local chosen = choose()
local jobs = jobs_of(chosen, spec_files())
run(jobs)
os.exit(report(chosen, jobs) and 0 or 1)
