--- What is counted, for whoever watches the service: in this process at once, and about once a second in the memory that all
--- its processes share. Told in Prometheus' text form (exposition format 0.0.4).

local metrics = {}

-- Upper ends of the histogram's buckets, in seconds.
local ENDS = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 }
local FLUSH_SECONDS = 1
local BUCKET, SUM = "bucket\0%s\0%d", "sum\0%s" -- names of what is put together when it is told
local CALLS = 'finspace_calls_total{operation="%s",status="%d"}'

local unsaved = {} -- counts since the last flush, by name

local function add(name, amount) unsaved[name] = (unsaved[name] or 0) + amount end

--- Counts something.
--- @param name string with its labels, as it is told
--- @param amount? number
function metrics.count(name, amount) add(name, amount or 1) end

local function bucket_of(seconds)
  if seconds <= ENDS[1] then return 1 end -- most
  for number, last in ipairs(ENDS) do
    if seconds <= last then return number end
  end
  return #ENDS + 1
end

local names = {} -- of what is counted of each operation, made once

local function names_of(operation)
  local known = names[operation]
  if known then return known end
  known = { sum = SUM:format(operation), calls = {}, buckets = {} }
  for number = 1, #ENDS + 1 do
    known.buckets[number] = BUCKET:format(operation, number)
  end
  names[operation] = known
  return known
end

--- Counts a call that was answered.
--- @param operation string one of few names, never what somebody sent
--- @param status integer
--- @param seconds number
function metrics.call(operation, status, seconds)
  local known = names_of(operation)
  known.calls[status] = known.calls[status] or CALLS:format(operation, status)
  add(known.calls[status], 1)
  add(known.buckets[bucket_of(seconds)], 1)
  add(known.sum, seconds)
end

--- Counts a fault of what the service stands on.
--- @param of "database"|"store"
function metrics.fault(of) add(('finspace_errors_total{of="%s"}'):format(of), 1) end

local function flush()
  local shared = ngx.shared.finspace_metrics
  for name, amount in pairs(unsaved) do
    shared:incr(name, amount, 0)
    unsaved[name] = nil
  end
end

--- Begins to share what this process counts.
function metrics.start() ngx.timer.every(FLUSH_SECONDS, flush) end

-- --- telling ----------------------------------------------------------------------------------------

local HEAD = "# HELP %s %s\n# TYPE %s %s\n"

local FAMILIES = {
  { "finspace_calls_total", "counter", "Calls that were answered." },
  { "finspace_errors_total", "counter", "Faults of the database and of the store, also those that a retry mended." },
  { "finspace_ingested_rows_total", "counter", "Rows that became Parquet, by this node." },
  { "finspace_ingested_bytes_total", "counter", "Bytes of sources that were read for them." },
}

local function number(value) return value % 1 == 0 and ("%d"):format(value) or ("%.9g"):format(value) end

-- The series of a family, in the order of their labels.
local function family_lines(kept, name)
  local lines = {}
  for series, value in pairs(kept) do
    if series:match("^[%w_]+") == name then lines[#lines + 1] = series .. " " .. number(value) .. "\n" end
  end
  table.sort(lines)
  return table.concat(lines)
end

local function operations_of(kept)
  local found = {}
  for series in pairs(kept) do
    found[#found + 1] = series:match("^sum%z(.*)$")
  end
  table.sort(found)
  return found
end

local DURATION = "finspace_call_seconds"
local BUCKET_LINE = DURATION .. '_bucket{operation="%s",le="%s"} %d\n'
local TOTAL_LINES = DURATION .. '_sum{operation="%s"} %.9g\n' .. DURATION .. '_count{operation="%s"} %d\n'

local function histogram_of(kept, operation)
  local lines, total = {}, 0
  for at = 1, #ENDS + 1 do
    total = total + (kept[BUCKET:format(operation, at)] or 0)
    lines[at] = BUCKET_LINE:format(operation, ENDS[at] and ("%g"):format(ENDS[at]) or "+Inf", total)
  end
  lines[#lines + 1] = TOTAL_LINES:format(operation, kept[SUM:format(operation)], operation, total)
  return table.concat(lines)
end

local function histogram_lines(kept)
  local lines = {}
  for i, operation in ipairs(operations_of(kept)) do
    lines[i] = histogram_of(kept, operation)
  end
  return table.concat(lines)
end

local function kept_counts()
  local shared, kept = ngx.shared.finspace_metrics, {}
  for _, name in ipairs(shared:get_keys(0)) do
    kept[name] = shared:get(name)
  end
  return kept
end

--- All that was counted by this node's processes, but for the last second of the others.
--- @param gauges table[] {name=, help=, series={ {labels, value} }} of this moment
--- @return string text
function metrics.text(gauges)
  flush()
  local kept, parts = kept_counts(), {}
  for _, family in ipairs(FAMILIES) do
    local name, kind, help = family[1], family[2], family[3]
    parts[#parts + 1] = HEAD:format(name, help, name, kind) .. family_lines(kept, name)
  end
  parts[#parts + 1] = HEAD:format(DURATION, "Seconds that calls took.", DURATION, "histogram") .. histogram_lines(kept)
  for _, gauge in ipairs(gauges) do
    parts[#parts + 1] = HEAD:format(gauge.name, gauge.help, gauge.name, "gauge")
    for _, series in ipairs(gauge.series) do
      parts[#parts + 1] = ("%s%s %s\n"):format(gauge.name, series[1], number(series[2]))
    end
  end
  return table.concat(parts)
end

return metrics
