--- Reads published Signature Version 4 test cases: aws-c-auth's folders, and requests as raw HTTP.
local support = require("spec.support")

local vectors = {}

--- Takes a raw HTTP/1.1 request apart, without touching its path, its values or its folded lines.
--- @param text string
--- @return table request {method, path, query, headers = list of {name, value}, body}
function vectors.parse_request(text)
  local head, body = text:match("^(.-)\n\n(.*)$")
  local lines = {}
  for line in (head or text):gmatch("[^\n]+") do
    if line:match("^[ \t]") then
      lines[#lines] = lines[#lines] .. "\n" .. line
    else
      lines[#lines + 1] = line
    end
  end
  local method, target = lines[1]:match("^(%S+) (.*) HTTP/1%.1\r?$")
  local path, query = target:match("^([^?]*)%??(.*)$")
  local headers = {}
  for i = 2, #lines do
    headers[#headers + 1] = { lines[i]:match("^([^:]+):(.*)$") }
  end
  return { method = method, path = path, query = query, headers = headers, body = body or "" }
end

local function epoch(text)
  local year, month, day, hour, minute, second = text:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)Z$")
  local function days_before(y, m, d)
    if m <= 2 then
      y, m = y - 1, m + 12
    end
    return 365 * y
      + math.floor(y / 4)
      - math.floor(y / 100)
      + math.floor(y / 400)
      + math.floor((153 * (m - 3) + 2) / 5)
      + d
  end
  local days = days_before(tonumber(year), tonumber(month), tonumber(day)) - days_before(1970, 1, 1)
  return days * 86400 + hour * 3600 + minute * 60 + second
end

--- The names of the cases in a folder.
--- @param folder string
--- @return string[]
function vectors.cases(folder)
  local names = {}
  local listing = support.run("ls -1 " .. support.quote(folder))
  for name in listing:gmatch("[^\n]+") do
    if support.read_file(folder .. "/" .. name .. "/context.json") then names[#names + 1] = name end
  end
  return names
end

--- What core.sign is given for one case, in one form, and what it must answer.
--- @param folder string
--- @param name string
--- @param form string "header" or "query"
--- @return table raw, table expected {canonical_request, string_to_sign, signature, authorization | query}
function vectors.case(folder, name, form)
  local function read(file) return assert(support.read_file(folder .. "/" .. name .. "/" .. file)) end
  local context = require("cjson").decode(read("context.json"))
  local raw = vectors.parse_request(read("request.txt"))
  raw.form, raw.region, raw.service = form, context.region, context.service
  raw.credentials = {
    access_key_id = context.credentials.access_key_id,
    secret_access_key = context.credentials.secret_access_key,
    session_token = context.credentials.token,
  }
  raw.time, raw.expires = epoch(context.timestamp), context.expiration_in_seconds
  raw.normalize, raw.sign_body = context.normalize, context.sign_body
  raw.omit_session_token = context.omit_session_token

  local signed = read(form .. "-signed-request.txt")
  return raw,
    {
      canonical_request = read(form .. "-canonical-request.txt"),
      string_to_sign = read(form .. "-string-to-sign.txt"),
      signature = read(form .. "-signature.txt"),
      authorization = form == "header" and signed:match("\nAuthorization:([^\n]+)") or nil,
      query = form == "query" and signed:match("^%S+ [^?]*%?(.-) HTTP/1%.1\n") or nil,
    }
end

return vectors
