local core = require("finspace.core")
local support = require("spec.support")

local ROUNDS = 2400

--- The same numbers in every Lua: Park and Miller's generator.
local function random_source(seed)
  local state = seed
  return function(below)
    state = state * 16807 % 2147483647
    return state % below
  end
end

local random = random_source(19700101)

local function pick(list) return list[random(#list) + 1] end

local function repeated(count, make, separator)
  local parts = {}
  for i = 1, count do
    parts[i] = make()
  end
  return table.concat(parts, separator)
end

local TEXTS = {
  "a",
  "B",
  "0",
  "-",
  "_",
  ".",
  "~",
  " ",
  "+",
  "/",
  "=",
  "&",
  "%",
  "?",
  "#",
  ":",
  "@",
  ";",
  ",",
  "'",
  "(",
  ")",
  "*",
  "!",
  "$",
  '"',
  "<",
  ">",
  "[",
  "]",
  "{",
  "}",
  "|",
  "\\",
  "^",
  "`",
  "data",
  "2026-01-01",
  "..",
  "//",
  "%2F",
  "%41",
  "\1",
  "\127",
  "\195\169",
  "\230\151\165\230\156\172",
  "\240\159\146\185",
}

local function text()
  return repeated(random(6), function() return pick(TEXTS) end)
end

-- What may stand in a path on the wire; escapes in both cases, and where none is needed.
local WIRE = {
  "a",
  "Z9",
  "-",
  "_",
  "..",
  ".",
  "~",
  "%20",
  "%2F",
  "%2f",
  "%41",
  "%7E",
  "%25",
  "%E6%97%A5",
  "+",
  "=",
  ":",
  "@",
  ",",
  "'",
  "(",
  ")",
  "*",
  "!",
  "$",
  "&",
}
local RAW = { "\195\169", "\230\151\165", "\240\159\146\185", '"', "<", "|" }

local function path(service)
  local function segment()
    return repeated(random(4), function() return service ~= "s3" and random(8) == 0 and pick(RAW) or pick(WIRE) end)
  end
  return "/" .. repeated(random(6), segment, "/")
end

--- Percent-encodes by one of several ways that mean the same.
local function wire_form(plain)
  return (
    core
      .uri_encode(plain)
      :gsub("%%%x%x", function(escape) return random(3) == 0 and escape:lower() or escape end)
      :gsub("^%a", function(letter) return random(4) == 0 and ("%%%02X"):format(letter:byte()) or letter end)
  )
end

--- Pairs of plain names and values; repeated names only where botocore does not lose them.
local function parameters(form)
  local pairs_of_query, seen = {}, {}
  for _ = 1, random(5) do
    local name = "k" .. text()
    if not (form == "query" and seen[name]) then
      seen[name] = true
      table.insert(pairs_of_query, { name, text() })
      if form == "header" and random(4) == 0 then table.insert(pairs_of_query, { name, text() }) end
    end
  end
  return pairs_of_query
end

local BLANKS = { "", " ", "  ", "\t", " \t " }
local WORDS = { "text/csv", "a", "b;q=1", '"quoted', 'x"', "caf\195\169", "\230\151\165", "1,2", "=", "%20" }

local function header_value()
  local words = repeated(random(4), function() return pick(WORDS) end, pick { " ", "  ", "\t", " , " })
  return pick(BLANKS) .. words .. pick(BLANKS)
end

local NAMES = {
  "Content-Type",
  "x-amz-meta-Note",
  "X-Amz-Acl",
  "range",
  "If-Match",
  "x-Z",
  "X-a",
  "User-Agent",
  "Expect",
}

local function headers(host)
  local list = { { "Host", host } }
  for _ = 1, random(5) do
    table.insert(list, random(#list) + 1, { pick(NAMES), header_value() })
  end
  return list
end

--- The base64 letters of a token, as STS gives them out.
local function token()
  return repeated(20 + random(80), function() return pick { "AQoD", "/", "+", "x9", "Zz", "//", "w" } end) .. "=="
end

local function random_case()
  local service, form = pick { "finspace-api", "s3" }, pick { "header", "query" }
  local host = pick { "finspace-api.us-east-1.amazonaws.com", "127.0.0.1:4510", "[::1]:80", "b.s3.amazonaws.com" }
  return {
    service = service,
    form = form,
    host = host,
    region = pick { "us-east-1", "eu-west-1", "us-gov-west-1" },
    method = pick { "GET", "POST", "PUT", "DELETE", "HEAD" },
    path = path(service),
    headers = headers(host),
    params = parameters(form),
    body = form == "header" and text() or "",
    access_key_id = "AKID" .. random(1000),
    secret_access_key = "secret" .. text() .. ("/"):rep(random(70)),
    session_token = random(2) == 0 and token() or nil,
    time = random(2000000000),
    expires = 1 + random(604800),
    unsigned = service == "finspace-api" and form == "header" and random(10) == 0 or nil,
  }
end

--- The same case as our raw entry takes it.
local function raw_request(case)
  local wire = {}
  for i, pair in ipairs(case.params) do
    wire[i] = wire_form(pair[1]) .. "=" .. wire_form(pair[2])
  end
  return {
    method = case.method,
    path = case.path,
    query = table.concat(wire, "&"),
    headers = case.headers,
    body = case.body,
    credentials = case,
    region = case.region,
    service = case.service,
    time = case.time,
    expires = case.expires,
    form = case.form,
    payload_hash = case.unsigned and "UNSIGNED-PAYLOAD" or nil,
    sign_body = case.unsigned or case.service == "s3",
  }
end

--- The signed request as a server receives it.
local function received(raw, added_headers, query)
  local all = {}
  for _, header in ipairs(raw.headers) do
    all[#all + 1] = header
  end
  for _, header in ipairs(added_headers) do
    all[#all + 1] = header
  end
  return { method = raw.method, path = raw.path, query = query, headers = all, body = raw.body }
end

local function verified(request, case)
  local auth, code, message = core.authorization(request)
  if not auth then return nil, code, message end
  return core.verify(request, auth, case.secret_access_key, {
    now = case.time,
    region = case.region,
    service = case.service,
  })
end

describe("signatures of random requests #once", function()
  local cases, theirs = {}, nil

  setup(function()
    for i = 1, ROUNDS do
      cases[i] = random_case()
    end
    if not support.python("botocore") then return end
    local folder = support.temporary_folder()
    local json = require("cjson")
    local list = support.write_file(folder .. "/cases.json", json.encode(cases))
    local program = support.quote(support.root .. "/spec/support/botocore_sign.py")
    local output, status = support.run("python3 " .. program .. " " .. list)
    support.remove_folder(folder)
    assert(status == 0, output)
    theirs = json.decode(output)
  end)

  it("agree with botocore in every stage", function()
    if not theirs then return pending(support.lacking("python3 with botocore")) end
    local agreed = 0
    for i, case in ipairs(cases) do
      local ours = assert(core.sign(raw_request(case)))
      for _, stage in ipairs { "canonical_request", "string_to_sign", "signature" } do
        if ours[stage] ~= theirs[i][stage] then
          assert.are.equal(theirs[i][stage], ours[stage], ("case %d, %s"):format(i, stage))
        end
      end
      agreed = agreed + 1
    end
    assert.are.equal(ROUNDS, agreed)
  end)

  it("made by botocore are accepted by verification", function()
    if not theirs then return pending(support.lacking("python3 with botocore")) end
    for i, case in ipairs(cases) do
      if not case.unsigned then
        local raw = raw_request(case)
        raw.headers = theirs[i].headers
        local request = received(raw, {}, case.form == "query" and theirs[i].query or raw.query)
        local ok, code, message = verified(request, case)
        if not ok then error(("case %d: %s (%s)"):format(i, code, message)) end
      end
    end
  end)

  it("made by us are accepted by verification", function()
    for i, case in ipairs(cases) do
      if not case.unsigned then
        local raw = raw_request(case)
        local ours = assert(core.sign(raw))
        local ok, code, message = verified(received(raw, ours.headers, ours.query or raw.query), case)
        if not ok then error(("case %d: %s (%s)"):format(i, code, message)) end
      end
    end
  end)

  it("change when a byte of the request changes", function()
    for i = 1, 400 do
      local case = cases[i]
      local raw = raw_request(case)
      local before = assert(core.sign(raw)).signature
      raw.path = raw.path .. "x"
      assert.are_not.equal(before, assert(core.sign(raw)).signature)
    end
  end)
end)
