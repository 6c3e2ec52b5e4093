--- What goes wrong inside, on standard error. nginx's own log would add the request's line, and with
--- it the query, where a presigned request carries its signature and its token.

local log = {}

--- @param subject string what was being done
--- @param text string
function log.note(subject, text)
  local time = os.date("!%Y-%m-%dT%H:%M:%SZ")
  io.stderr:write(("%s finspace: %s: %s\n"):format(time, subject, text))
  io.stderr:flush()
end

--- @param subject string what was being done
--- @param problem any an error value
function log.problem(subject, problem)
  local text = type(problem) == "table" and (problem.message or problem.duckdb)
  log.note(subject, text or tostring(problem))
end

return log
