local core = require("finspace.core")

local NOW = 1790000000 -- 2026-09-21T14:13:20Z
local SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
local TOKEN = "AQoDYXdzEPT//////////wEXAMPLE=="

--- A signed request as a server receives it, in the header or the query form.
--- @param fields table what is different from a plain request
local function signed(fields)
  local raw = {
    method = "POST",
    path = "/datasets/d1/changesetsv2",
    query = "a=1&b=2",
    body = '{"changeType":"APPEND"}',
    headers = { { "Host", "127.0.0.1:4510" }, { "Content-Type", "application/json" }, { "x-amz-meta-note", "n" } },
    region = "us-east-1",
    service = "finspace-api",
    time = NOW,
    form = "header",
    expires = 3600,
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = SECRET, session_token = TOKEN },
  }
  for name, value in pairs(fields or {}) do
    raw[name] = value
  end
  local result = assert(core.sign(raw))
  for _, header in ipairs(result.headers) do
    table.insert(raw.headers, header)
  end
  raw.query = result.query or raw.query
  return { method = raw.method, path = raw.path, query = raw.query, headers = raw.headers, body = raw.body }
end

--- The signature of a canonical request that our signer would not make.
local function signature_by_hand(canonical_request)
  local key = "AWS4" .. SECRET
  for _, part in ipairs { "20260921", "us-east-1", "finspace-api", "aws4_request" } do
    key = core.hmac_sha256(key, part)
  end
  local scope = "20260921/us-east-1/finspace-api/aws4_request"
  local text = { "AWS4-HMAC-SHA256", "20260921T141320Z", scope, core.sha256(canonical_request) }
  local mac = core.hmac_sha256(key, table.concat(text, "\n"))
  return (mac:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- @return boolean|nil verified, string|nil code, string|nil message, integer|nil http_status
local function verify(request, policy, secret)
  local options = { now = NOW, region = "us-east-1", service = "finspace-api" }
  for name, value in pairs(policy or {}) do
    options[name] = value
  end
  local auth, code, message, status = core.authorization(request, options.service)
  if not auth then return nil, code, message, status end
  if secret == nil then secret = SECRET end
  return core.verify(request, auth, secret or nil, options)
end

local function header(request, name)
  for _, pair in ipairs(request.headers) do
    if pair[1]:lower() == name then return pair end
  end
end

local function drop_header(request, name)
  for i, pair in ipairs(request.headers) do
    if pair[1]:lower() == name then return table.remove(request.headers, i) end
  end
end

local function edit(text, pattern, replacement)
  local edited, count = text:gsub(pattern, replacement, 1)
  assert(count == 1, "nothing to tamper with: " .. pattern)
  return edited
end

local function edit_authorization(pattern, replacement)
  return function(request)
    local pair = header(request, "authorization")
    pair[2] = edit(pair[2], pattern, replacement)
  end
end

local function edit_query(pattern, replacement)
  return function(request) request.query = edit(request.query, pattern, replacement) end
end

local function add_header(name, value)
  return function(request) table.insert(request.headers, { name, value }) end
end

local function edit_header(name, value)
  return function(request) header(request, name)[2] = value end
end

local INCOMPLETE, INVALID, EXPIRED = "IncompleteSignature", "InvalidSignatureException", "RequestExpired"

--- What an attacker, or a broken client, may do to a request of either form.
local both_forms = {
  { "the secret is another", function(_, _, try) try.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEz" end, INVALID },
  { "the secret is empty", function(_, _, try) try.secret = "" end, INVALID },
  { "the key is unknown", function(_, _, try) try.secret = false end, "UnrecognizedClientException" },
  { "the method is another", function(r) r.method = r.method == "GET" and "DELETE" or "GET" end, INVALID },
  { "the method is in lower case", function(r) r.method = r.method:lower() end, INVALID },
  { "the path is longer", function(r) r.path = r.path .. "/x" end, INVALID },
  { "the path has another case", function(r) r.path = r.path:upper() end, INVALID },
  { "the path is encoded once more", function(r) r.path = r.path:gsub("d1", "d%%31") end, INVALID },
  { "the path leads elsewhere through dot segments", function(r) r.path = r.path .. "/../x" end, INVALID },
  { "a parameter has another value", edit_query("b=2", "b=3"), INVALID },
  { "a parameter is missing", edit_query("a=1&", ""), INVALID },
  { "a parameter is added", function(r) r.query = r.query .. "&c=3" end, INVALID },
  { "a parameter is said twice", function(r) r.query = r.query .. "&a=1" end, INVALID },
  { "a parameter's name has another case", edit_query("a=1", "A=1"), INVALID },
  { "the host is another", edit_header("host", "evil.example"), INVALID },
  { "the host has another port", edit_header("host", "127.0.0.1:80"), INVALID },
  { "the host is missing", function(r) drop_header(r, "host") end, INVALID },
  { "a second host is added", add_header("Host", "evil.example"), INCOMPLETE },
  { "a signed header has another value", edit_header("content-type", "text/csv"), INVALID },
  { "a signed header is missing", function(r) drop_header(r, "content-type") end, INCOMPLETE },
  { "a signed header is said twice", add_header("Content-Type", "application/json"), INVALID },
  { "an x-amz-* header has another value", edit_header("x-amz-meta-note", "m"), INVALID },
  { "an x-amz-* header is added unsigned", add_header("x-amz-acl", "public-read"), INVALID },
  { "a target is added unsigned, in another case", add_header("X-Amz-Target", "Other.Operation"), INVALID },
  { "another body's hash is declared unsigned", add_header("x-amz-content-sha256", core.sha256("x")), nil },
  { "the service holds it for another region", function(_, policy) policy.region = "eu-west-1" end, INVALID },
  { "the service is another", function(_, policy) policy.service = "sts" end, INVALID },
  { "it comes 15 minutes and a second early", function(_, policy) policy.now = NOW - 901 end, EXPIRED },
  { "it comes a day late", function(_, policy) policy.now = NOW + 86401 end, EXPIRED },
}

local header_form = {
  { "it comes 15 minutes and a second late", function(_, policy) policy.now = NOW + 901 end, EXPIRED },
  { "the body is another", function(r) r.body = r.body .. " " end, INVALID },
  { "the body is gone", function(r) r.body = "" end, INVALID, with_body = true },
  { "the authorization is gone", function(r) drop_header(r, "authorization") end, "MissingAuthenticationToken" },
  { "the authorization is empty", edit_header("authorization", ""), INCOMPLETE },
  {
    "the authorization is there twice",
    function(r) table.insert(r.headers, header(r, "authorization")) end,
    INCOMPLETE,
  },
  { "there is a second, empty authorization", add_header("Authorization", ""), INCOMPLETE },
  { "it is signed in the query as well", edit_query("$", "&X-Amz-Signature=" .. ("0"):rep(64)), INCOMPLETE },
  { "it names an algorithm in the query as well", edit_query("$", "&x-amz-algorithm=AWS4-HMAC-SHA256"), INCOMPLETE },
  { "the scheme is Basic", edit_header("authorization", "Basic QTpC"), INCOMPLETE },
  { "the algorithm is SHA-1", edit_authorization("AWS4%-HMAC%-SHA256", "AWS4-HMAC-SHA1"), INCOMPLETE },
  { "the algorithm is asymmetric", edit_authorization("AWS4%-HMAC%-SHA256", "AWS4-ECDSA-P256-SHA256"), INCOMPLETE },
  { "the algorithm is missing", edit_authorization("AWS4%-HMAC%-SHA256 ", ""), INCOMPLETE },
  { "the signature is missing", edit_authorization(", Signature=%x+", ""), INCOMPLETE },
  { "the signature is empty", edit_authorization("Signature=%x+", "Signature="), INCOMPLETE },
  { "the signature is cut short", edit_authorization("Signature=(%x+)%x", "Signature=%1"), INCOMPLETE },
  { "the signature is too long", edit_authorization("Signature=", "Signature=0"), INCOMPLETE },
  { "the signature is in capitals", edit_authorization("Signature=%x+", string.upper), INCOMPLETE },
  { "the signature is no number", edit_authorization("Signature=%x%x", "Signature=zz"), INCOMPLETE },
  { "the signature is another", edit_authorization("Signature=%x+", "Signature=" .. ("0"):rep(64)), INVALID },
  { "the signature is said twice", edit_authorization("$", ", Signature=" .. ("0"):rep(64)), INCOMPLETE },
  { "the credential is missing", edit_authorization("Credential=[^,]*, ", ""), INCOMPLETE },
  { "the credential has no scope", edit_authorization("Credential=[^,]*", "Credential=AKIDEXAMPLE"), INCOMPLETE },
  { "the credential has no key", edit_authorization("Credential=AKIDEXAMPLE", "Credential="), INCOMPLETE },
  { "the credential has a slash too many", edit_authorization("AKIDEXAMPLE", "AKID/EXAMPLE"), INCOMPLETE },
  { "the scope is of another day", edit_authorization("/20260921/", "/20260920/"), INVALID },
  { "the scope's day is malformed", edit_authorization("/20260921/", "/2026092/"), INCOMPLETE },
  { "the scope is of another region", edit_authorization("/us%-east%-1/", "/eu-west-1/"), INVALID },
  { "the scope is of another service", edit_authorization("/finspace%-api/", "/s3/"), INVALID },
  { "the scope ends in another word", edit_authorization("aws4_request", "aws5_request"), INCOMPLETE },
  { "the scope goes on", edit_authorization("aws4_request", "aws4_request/x"), INCOMPLETE },
  { "the list of headers is missing", edit_authorization("SignedHeaders=[^,]*, ", ""), nil },
  { "the list of headers is empty", edit_authorization("SignedHeaders=[^,]*", "SignedHeaders="), nil },
  { "the host is not in the list", edit_authorization("host;", ""), INVALID },
  { "the date is not in the list", edit_authorization("x%-amz%-date;", ""), INVALID },
  { "the token is not in the list", edit_authorization(";x%-amz%-security%-token", ""), INVALID },
  { "a header is not in the list any more", edit_authorization("content%-type;", ""), INVALID },
  { "the list names a header that is not there", edit_authorization("host;", "host;range;"), INCOMPLETE },
  { "the list names a header twice", edit_authorization("host;", "host;host;"), INCOMPLETE },
  { "the list is not sorted", edit_authorization("content%-type;host", "host;content-type"), INCOMPLETE },
  { "the list is in capitals", edit_authorization("SignedHeaders=content", "SignedHeaders=Content"), INCOMPLETE },
  { "something unknown is in the authorization", edit_authorization("$", ", Extra=1"), INCOMPLETE },
  { "the date is another", edit_header("x-amz-date", "20260921T141321Z"), INVALID },
  { "the date is of yesterday", edit_header("x-amz-date", "20260920T141320Z"), INVALID },
  { "the date does not exist", edit_header("x-amz-date", "20260931T141320Z"), INCOMPLETE },
  { "the date has another form", edit_header("x-amz-date", "2026-09-21T14:13:20Z"), INCOMPLETE },
  { "the date is missing", function(r) drop_header(r, "x-amz-date") end, INCOMPLETE },
  { "the date is there twice", add_header("x-amz-date", "20260921T141320Z"), INCOMPLETE },
  { "the token is another", edit_header("x-amz-security-token", "AQoD"), INVALID },
  { "the token is gone", function(r) drop_header(r, "x-amz-security-token") end, INCOMPLETE },
  { "the token is there twice", add_header("x-amz-security-token", TOKEN), INCOMPLETE },
}

local query_form = {
  { "it comes a second after it expired", function(_, policy) policy.now = NOW + 3601 end, EXPIRED },
  { "it is signed in a header as well", add_header("Authorization", "AWS4-HMAC-SHA256 x"), INCOMPLETE },
  { "the algorithm is missing", edit_query("X%-Amz%-Algorithm=[^&]*&", ""), INCOMPLETE },
  { "the algorithm is another", edit_query("HMAC%-SHA256", "HMAC-SHA1"), INCOMPLETE },
  { "the credential is missing", edit_query("X%-Amz%-Credential=[^&]*&", ""), INCOMPLETE },
  { "the credential's key is another", edit_query("AKIDEXAMPLE", "AKIDEXAMPLF"), INVALID },
  { "the scope is of another day", edit_query("%%2F20260921%%2F", "%%2F20260920%%2F"), INVALID },
  { "the scope is of another region", edit_query("us%-east%-1", "eu-west-1"), INVALID },
  { "the scope ends in another word", edit_query("aws4_request", "aws4"), INCOMPLETE },
  { "the date is another", edit_query("T141320Z", "T141321Z"), INVALID },
  { "the date is malformed", edit_query("T141320Z", "T141360Z"), INCOMPLETE },
  { "it is valid for longer", edit_query("Expires=3600", "Expires=3601"), INVALID },
  { "it is valid for more than a week", edit_query("Expires=3600", "Expires=604801"), INCOMPLETE },
  { "it is valid for no time", edit_query("Expires=3600", "Expires=0"), INCOMPLETE },
  { "it is valid for an empty time", edit_query("Expires=3600", "Expires="), INCOMPLETE },
  { "its date is empty", edit_query("X%-Amz%-Date=[^&]*", "X-Amz-Date="), INCOMPLETE },
  { "it is valid for less than no time", edit_query("Expires=3600", "Expires=-1"), INCOMPLETE },
  { "it is valid for ages", edit_query("Expires=3600", "Expires=" .. ("9"):rep(40)), INCOMPLETE },
  { "the validity is gone", edit_query("&X%-Amz%-Expires=3600", ""), INVALID },
  { "the list of headers is missing", edit_query("&X%-Amz%-SignedHeaders=[^&]*", ""), INCOMPLETE },
  { "the host is not in the list", edit_query("%%3Bhost", ""), INVALID },
  { "the token is another", edit_query("Security%-Token=AQoD", "Security-Token=AQoE"), INVALID },
  { "the token is gone", edit_query("&X%-Amz%-Security%-Token=[^&]*", ""), INVALID },
  { "the signature is missing", edit_query("&X%-Amz%-Signature=%x+", ""), INCOMPLETE },
  { "the signature is cut short", edit_query("Signature=(%x+)%x", "Signature=%1"), INCOMPLETE },
  { "the signature is another", edit_query("Signature=%x+", "Signature=" .. ("0"):rep(64)), INVALID },
}

local QUERY_KEYS = { "Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Security-Token", "Signature" }
for _, name in ipairs(QUERY_KEYS) do
  table.insert(query_form, {
    "X-Amz-" .. name .. " is said twice",
    function(r) r.query = r.query .. "&" .. r.query:match("X%-Amz%-" .. name:gsub("%-", "%%-") .. "=[^&]*") end,
    INCOMPLETE,
  })
  table.insert(query_form, {
    "X-Amz-" .. name .. " is said again in other letters",
    function(r) r.query = r.query .. "&x%2Damz-" .. name:lower() .. "=1" end,
    INCOMPLETE,
  })
end

local METHODS = { GET = "", POST = '{"changeType":"APPEND"}', PUT = "day,price\n", DELETE = "" }

--- Tampers in this way with a request of each method. Returns how many were refused.
local function refused(form, case)
  local count = 0
  for method, body in pairs(METHODS) do
    if body ~= "" or not case.with_body then
      local request, policy, try = signed { method = method, body = body, form = form }, {}, {}
      assert.is_true(verify(request), method .. " is right before it is tampered with")
      case[2](request, policy, try)
      local ok, code, message, status = verify(request, policy, try.secret)
      assert.is_nil(ok, method .. ": " .. case[1])
      if case[3] then assert.are.equal(case[3], code, method .. ": " .. case[1]) end
      assert.is_truthy(status == 400 or status == 403)
      assert.is_nil(message:find(SECRET, 1, true))
      count = count + 1
    end
  end
  return count
end

describe("verification", function()
  local total = 0
  for form, lists in pairs { header = { both_forms, header_form }, query = { both_forms, query_form } } do
    for _, list in ipairs(lists) do
      for _, case in ipairs(list) do
        it("refuses the " .. form .. " form when " .. case[1], function() total = total + refused(form, case) end)
      end
    end
  end

  it(
    "has refused at least 140 tampered requests",
    function() assert.is_true(total >= 140, total .. " were refused") end
  )

  it("accepts what is right, in both forms and every method", function()
    for method, body in pairs(METHODS) do
      assert.is_true(verify(signed { method = method, body = body }))
      assert.is_true(verify(signed { method = method, body = body, form = "query" }))
    end
  end)

  it("accepts a header form within 15 minutes, both ways, and a presigned one until it expires", function()
    local request, presigned = signed(), signed { form = "query" }
    for _, offset in ipairs { -900, 0, 900 } do
      assert.is_true(verify(request, { now = NOW + offset }))
    end
    for _, offset in ipairs { -900, 0, 3600 } do
      assert.is_true(verify(presigned, { now = NOW + offset }))
    end
    assert.is_true(verify(request, { now = NOW + 1000, max_skew = 1000 }))
  end)

  it("accepts a presigned request that does not say how long it is valid, for an hour", function()
    local request = signed { form = "query" }
    request.query = request.query:gsub("&X%-Amz%-Expires=3600", "")
    local canonical = {}
    for pair in request.query:gmatch("[^&]+") do
      if not pair:find("^X%-Amz%-Signature") then canonical[#canonical + 1] = pair end
    end
    table.sort(canonical)
    local signature = signature_by_hand(table.concat({
      request.method,
      request.path,
      table.concat(canonical, "&"),
      "content-type:application/json",
      "host:127.0.0.1:4510",
      "x-amz-meta-note:n",
      "",
      "content-type;host;x-amz-meta-note",
      core.sha256(request.body),
    }, "\n"))
    request.query = request.query:gsub("Signature=%x+", "Signature=" .. signature)
    assert.is_true(verify(request, { now = NOW + 3600 }))
    local _, code = verify(request, { now = NOW + 3601 })
    assert.are.equal(EXPIRED, code)
  end)

  it("takes the time from a signed date header where there is no x-amz-date", function()
    local request = signed { headers = { { "host", "h" }, { "date", "20260921T141320Z" } } }
    drop_header(request, "x-amz-date")
    local auth = assert(core.authorization(request))
    assert.are.equal(NOW, auth.time)
    edit_authorization(";x%-amz%-date", "")(request)
    local _, code = verify(request)
    assert.are.equal(INVALID, code) -- the signature is over x-amz-date, but the time was taken
    edit_authorization("date;", "")(request)
    assert.is_nil((verify(request)))
  end)

  it("takes it in HTTP's own form, too, and as a date that exists", function()
    local function time_of(date)
      local request = signed { headers = { { "host", "h" }, { "date", date } } }
      drop_header(request, "x-amz-date")
      local auth, code = core.authorization(request)
      return auth and auth.time or code
    end
    for _, zone in ipairs { "GMT", "-0000", "+0000" } do
      assert.are.equal(NOW, time_of("Mon, 21 Sep 2026 14:13:20 " .. zone))
    end
    assert.are.equal(951827696, time_of("Tue, 29 Feb 2000 12:34:56 GMT"))
    for _, date in ipairs {
      "Mon, 21 Sep 2026 14:13:20 UTC",
      "Mon, 21 Sep 2026 14:13:20 GMT+1",
      "Mon, 21 Sep 2026 14:13:20 +0100",
      "Mon, 21 Sep 2026 14:13:20",
      "Mon, 21 Sep 2026 14:13 GMT",
      "Mon, 31 Sep 2026 14:13:20 GMT",
      "Mon, 21 Nov 2026 24:13:20 GMT",
      "Mon, 21 sep 2026 14:13:20 GMT",
      "Mon, 2x Sep 2026 14:13:20 GMT",
      "Mon, 21 Sep 2026 14-13-20 GMT",
      "Monday, 21-Sep-26 14:13:20 GMT",
    } do
      assert.are.equal(INCOMPLETE, time_of(date), date)
    end
  end)

  it("ignores headers that do not matter and were not signed", function()
    local request = signed()
    for _, name in ipairs { "User-Agent", "X-Forwarded-For", "Accept", "X-Amzn-Trace-Id" } do
      table.insert(request.headers, { name, "anything" })
    end
    assert.is_true(verify(request))
  end)

  it("reads the authorization with other blanks and in another order", function()
    local request = signed()
    local pair = header(request, "authorization")
    local credential, names, signature = pair[2]:match("(Credential=.-), (SignedHeaders=.-), (Signature=%x+)")
    pair[2] = "AWS4-HMAC-SHA256 " .. signature .. "," .. names .. " ,  " .. credential .. " "
    assert.is_true(verify(request))
  end)

  it("tells what a request says of itself", function()
    local auth = assert(core.authorization(signed()))
    assert.are.same({
      form = "header",
      access_key_id = "AKIDEXAMPLE",
      date = "20260921",
      region = "us-east-1",
      service = "finspace-api",
      signed_headers = "content-type;host;x-amz-date;x-amz-meta-note;x-amz-security-token",
      signature = auth.signature,
      time = NOW,
      session_token = TOKEN,
    }, auth)
    assert.are.equal("1790000000", tostring(auth.time))
    local presigned = assert(core.authorization(signed { form = "query", expires = 60 }))
    assert.are.same({
      form = "query",
      access_key_id = "AKIDEXAMPLE",
      date = "20260921",
      region = "us-east-1",
      service = "finspace-api",
      signed_headers = "content-type;host;x-amz-meta-note",
      signature = presigned.signature,
      time = NOW,
      expires = 60,
      session_token = TOKEN,
    }, presigned)
  end)

  it("needs the authorization that belongs to the request", function()
    local auth = assert(core.authorization(signed { method = "GET" }))
    local ok = core.verify(signed { method = "PUT" }, auth, SECRET, {
      now = NOW,
      region = "us-east-1",
      service = "finspace-api",
    })
    assert.is_nil(ok)
  end)

  it("raises on misuse", function()
    local request = signed()
    local auth = core.authorization(request)
    local function raises(message, its_auth, policy)
      assert.has_error(function() core.verify(request, its_auth, SECRET, policy) end, message)
    end
    raises("'now' is missing", auth, { region = "r", service = "s" })
    raises("'region' is missing", auth, { now = 1, service = "s" })
    raises("'form' is missing", {}, { now = 1, region = "r", service = "s" })
    assert.has_error(function() core.authorization("x") end, "'request' must be a table, not a string")
  end)
end)

describe("verification of the body", function()
  local S3 = { service = "s3" }

  local function put(fields)
    local request = { method = "PUT", path = "/bucket/key", query = "", body = "day,price\n", service = "s3" }
    for name, value in pairs(fields or {}) do
      request[name] = value
    end
    return signed(request)
  end

  it("compares the hash that S3 was told with the body's", function()
    assert.is_true(verify(put(), S3))
    local request = put()
    request.body = "day,price\r\n"
    local _, code, _, status = verify(request, S3)
    assert.are.equal("XAmzContentSHA256Mismatch", code)
    assert.are.equal(400, status)
  end)

  it("takes the hash of a body that is not in memory", function()
    local request = put()
    local hash = core.sha256(request.body)
    request.body = nil
    assert.is_true(verify(request, { service = "s3", payload_hash = hash }))
    local _, code = verify(request, { service = "s3", payload_hash = core.sha256("x") })
    assert.are.equal("XAmzContentSHA256Mismatch", code)
  end)

  it("can come before the body, whose declared hash the caller compares later", function()
    local request = put()
    request.body = nil
    assert.is_true(verify(request, { service = "s3", payload_hash = false }))
    assert.are.equal(core.sha256("day,price\n"), core.authorization(request).payload_hash)
    local plain = signed()
    local _, code = verify(plain, { payload_hash = false })
    assert.are.equal(INVALID, code)
  end)

  it("lets S3 alone take a body that was not signed", function()
    local request = put { payload_hash = "UNSIGNED-PAYLOAD" }
    request.body = "anything"
    assert.is_true(verify(request, S3))
    local _, code = verify(signed { payload_hash = "UNSIGNED-PAYLOAD", sign_body = true })
    assert.are.equal(INCOMPLETE, code)
    assert.is_nil((verify(signed { payload_hash = "UNSIGNED-PAYLOAD" })))
  end)

  it("lets S3 take any body with a presigned address, unless its hash was signed", function()
    local presigned = put { form = "query" }
    presigned.body = "anything"
    assert.is_true(verify(presigned, S3))
    local hash = core.sha256("day,price\n")
    local bound = put {
      form = "query",
      payload_hash = hash,
      headers = { { "host", "h" }, { "x-amz-content-sha256", hash } },
    }
    assert.is_true(verify(bound, S3))
    bound.body = "anything"
    local _, code = verify(bound, S3)
    assert.are.equal("XAmzContentSHA256Mismatch", code)
  end)

  it("refuses S3's header form without a declared hash", function()
    local _, code, message = verify(put { sign_body = false }, S3)
    assert.are.equal("InvalidRequest", code)
    assert.are.equal("the header x-amz-content-sha256 is missing", message)
  end)

  it("refuses bodies that are signed in chunks, in every spelling", function()
    for _, word in ipairs {
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    } do
      local _, code, _, status = verify(put { payload_hash = word }, S3)
      assert.are.equal("NotImplemented", code)
      assert.are.equal(501, status)
      assert.is_nil((verify(signed { payload_hash = word, sign_body = true })))
    end
  end)
end)

describe("the codes of a refusal", function()
  it("are S3's for S3", function()
    local S3 = { service = "s3" }
    local function code_of(change, policy, secret)
      local request = signed { service = "s3", method = "PUT" }
      if change then change(request) end
      for name, value in pairs(S3) do
        policy[name] = value
      end
      local _, code, _, status = verify(request, policy, secret)
      return code .. " " .. status
    end
    assert.are.equal("SignatureDoesNotMatch 403", code_of(nil, {}, "wrong"))
    assert.are.equal("InvalidAccessKeyId 403", code_of(nil, {}, false))
    assert.are.equal("RequestTimeTooSkewed 403", code_of(nil, { now = NOW + 1200 }))
    assert.are.equal("AuthorizationHeaderMalformed 400", code_of(nil, { region = "eu-west-1" }))
    assert.are.equal("AccessDenied 403", code_of(function(r) drop_header(r, "authorization") end, {}))
    assert.are.equal("AccessDenied 403", code_of(add_header("x-amz-acl", "public-read"), {}))
    assert.are.equal("InvalidArgument 400", code_of(add_header("Authorization", "x"), {}))
    local _, code = verify(signed { service = "s3", form = "query" }, { service = "s3", now = NOW + 3601 })
    assert.are.equal("AccessDenied", code)
  end)
end)
