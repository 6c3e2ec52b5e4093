--- What goes wrong in the world comes back as `nil, err`. An err is a plain table that prints well:
--- read its fields to decide, print it to tell a person. It never holds a secret.
local printable = require("finspace.printable")

local errors = {}

--- @alias finspace.ErrorKind
--- | "config"       a setting or a file of settings cannot be used
--- | "validation"   the members do not fit the operation; `faults` lists all of them
--- | "credentials"  no keys, broken keys, or keys the service does not take
--- | "connect"      no connection
--- | "tls"          the connection cannot be trusted
--- | "timeout"      no answer in time
--- | "protocol"     the answer is no answer of this service
--- | "throttle"     too many requests
--- | "service"      the service failed (HTTP 5xx), or the work it was given did
--- | "client"       the service refused the request (HTTP 4xx)
--- | "integrity"    bytes are not the ones that were meant
--- | "io"           a local file or device failed
--- | "memory"       no memory
--- | "cancelled"    the caller stopped it
--- | "task"         a function given to finspace.spawn or gather raised; the message is what it raised

--- @class finspace.Fault
--- @field member string   the member's path, for example "sourceParams.sourceType"
--- @field rule string     the rule it broke, for example "required"
--- @field message string  one sentence

--- @class finspace.Error
--- @field kind finspace.ErrorKind
--- @field code string              the service's or our own short stable name
--- @field message? string
--- @field operation? string
--- @field status? integer          HTTP status
--- @field request_id? string
--- @field reason? string
--- @field retryable boolean        whether the same call may do better later
--- @field attempts? integer
--- @field outcome? "not_sent"|"refused"|"unknown"  unknown: it may have been applied
--- @field client_token? string     repeat with it, and nothing is applied twice
--- @field faults? finspace.Fault[]
--- @field bucket? string           of S3, and the key where there is one
--- @field key? string

local Error = {}
Error.__index = Error
Error.__name = "finspace.Error"

local function count(number, noun) return ("%d %s%s"):format(number, noun, number == 1 and "" or "s") end

local function cause(err)
  local text = err.code or err.kind
  return err.status and ("%s (HTTP %d)"):format(text, err.status) or text
end

local function particulars(err)
  local list = {}
  if err.reason then list[#list + 1] = "reason " .. err.reason end
  if err.request_id then list[#list + 1] = "request id " .. err.request_id end
  if err.attempts and err.attempts > 1 then list[#list + 1] = count(err.attempts, "attempt") end
  return #list > 0 and " [" .. table.concat(list, ", ") .. "]" or ""
end

-- A caller who does not know whether it happened needs to be told what is safe to do next.
local function advice(err)
  if err.outcome ~= "unknown" then return "" end
  if err.client_token then
    return ("\nIt may have been applied. For ten minutes it is safe to repeat it with clientToken = %q."):format(
      err.client_token
    )
  end
  return err.repeatable == false and "\nIt may have been applied. Look before you repeat it." or ""
end

local function fault_lines(faults)
  local lines = {}
  for i, fault in ipairs(faults) do
    lines[i] = "\n  " .. fault.message
  end
  return table.concat(lines)
end

-- What happened and how to find it again stand in the first line, however many the message has.
local function explanation(err)
  if not err.message then return cause(err) .. particulars(err) end
  local first, rest = err.message:match("^([^\n]*)(.*)$")
  return ("%s: %s%s%s"):format(cause(err), first, particulars(err), rest)
end

local function tell(err)
  local subject = err.operation or "finspace"
  if err.faults then
    return ("%s was not sent: %s%s"):format(subject, count(#err.faults, "fault"), fault_lines(err.faults))
  end
  return subject .. " failed: " .. explanation(err) .. advice(err)
end

--- What was raised, as text, also where that raises.
--- @param raised any
--- @return string
function errors.text_of(raised)
  local ok, text = pcall(tostring, raised)
  return ok and type(text) == "string" and text or ("a %s that cannot be told as text"):format(type(raised))
end

--- One or two lines for people; a validation error has a line for each fault. Nothing in them moves a cursor.
function Error:__tostring() return printable.text(tell(self)) end

function Error.__concat(left, right) return tostring(left) .. tostring(right) end

-- What a service, a key or a program may have said.
local FOREIGN = { "message", "reason", "request_id" }

--- Makes the table an err and returns it. What others said loses its control characters.
--- @param fields table
--- @return finspace.Error
function errors.new(fields)
  assert(fields.kind and (fields.code or fields.faults), "an error needs a kind and a code")
  fields.retryable = fields.retryable or false
  for _, name in ipairs(FOREIGN) do
    if type(fields[name]) == "string" then fields[name] = printable.text(fields[name]) end
  end
  return setmetatable(fields, Error)
end

--- What stopped a call before anything was sent.
--- @param kind finspace.ErrorKind
--- @param code string
--- @param message string
--- @param operation? string
--- @return finspace.Error
function errors.not_sent(kind, code, message, operation)
  return errors.new { kind = kind, code = code, message = message, operation = operation, outcome = "not_sent" }
end

--- All faults of one request in one err.
--- @param operation string
--- @param faults finspace.Fault[]
--- @return finspace.Error
function errors.validation(operation, faults)
  return errors.new {
    kind = "validation",
    code = "InvalidParameters",
    operation = operation,
    faults = faults,
    message = faults[1].message,
    outcome = "not_sent",
    attempts = 0,
  }
end

--- Whether a value is an err of this library.
--- @param value any
--- @return boolean
function errors.is(value) return getmetatable(value) == Error end

return errors
