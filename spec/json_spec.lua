local cjson = require("cjson").new()
local core = require("finspace.core")

local function decode(text) return core.decode(text) end

local function refused(text)
  local value, message = core.decode(text)
  return value == nil and type(message) == "string"
end

describe("core.decode", function()
  it("reads every kind of value", function()
    assert.same(
      { a = "x", b = 1.5, c = true, d = false, f = { 1, 2, {} }, g = {} },
      decode([[ {"a":"x", "b":1.5,
      "c":true,"d":false,"e":null,"f":[1 , 2,{}],"g":[]} ]])
    )
    assert.equal("x", decode('"x"'))
    assert.is_nil(decode("null"))
  end)

  it("reads every escape, and pairs of surrogates as one character", function()
    assert.equal('"\\/\b\f\n\r\t', decode([["\"\\\/\b\f\n\r\t"]]))
    assert.equal("a\0\195\169\226\130\172\240\159\152\128b", decode([["a\u0000\u00e9\u20AC\uD83D\ude00b"]]))
    assert.same({ ["a\nb"] = 1 }, decode([[{"a\u000ab":1}]]))
  end)

  it("keeps the last of several fields with one name, null too", function()
    assert.same({ a = 2 }, decode('{"a":1,"a":2}'))
    assert.same({}, decode('{"a":1,"a":null}'))
  end)

  it("gives whole numbers as integers where Lua has them, however they are written", function()
    for text, value in pairs { ["-0"] = 0, ["1e3"] = 1000, ["2.0"] = 2, ["-12"] = -12, ["0"] = 0 } do
      assert.equal(value, decode(text))
      if math.type then assert.equal("integer", math.type(decode(text))) end
    end
    assert.equal(2 ^ 70, decode("1180591620717411303424"))
    assert.equal(0.1, decode("0.1"))
    assert.equal(1e300, decode("1e300"))
  end)

  it("does not mind the decimal point of the locale", function()
    local before = os.setlocale(nil, "numeric")
    for _, name in ipairs { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE" } do
      if os.setlocale(name, "numeric") then break end
    end
    local value = decode("[1.25]")
    os.setlocale(before, "numeric")
    assert.same({ 1.25 }, value)
  end)

  it("refuses what is not JSON by the letter, and says where", function()
    local wrong = {
      "",
      " ",
      "{",
      "[",
      "[1",
      "[1,",
      "[1,]",
      "[,1]",
      "[1 2]",
      "{,}",
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{"a" 1}',
      "{a:1}",
      "{1:1}",
      "01",
      "-",
      "+1",
      "1.",
      ".5",
      "1e",
      "1e+",
      "0x10",
      "NaN",
      "Infinity",
      "nul",
      "tru",
      "[1]x",
      '"',
      '"a',
      '"\\',
      '"\\"',
      '"\\x"',
      '"\\u12"',
      '"\\u12g4"',
      '"\\ud800"',
      '"\\udc00"',
      '"\\ud800\\u0041"',
      '"a\nb"',
      '"\\\n"',
      '"\1"',
      "[1]\0",
      "\0",
      "'a'",
      "[1]]",
      "}",
      "\239\187\191{}",
    } -- stylua: ignore
    for _, text in ipairs(wrong) do
      assert.is_true(refused(text), ("%q"):format(text))
    end
    assert.equal("not JSON at byte 4: a list without a comma or an end", select(2, core.decode("[1 2]")))
  end)

  it("reads 64 tables deep, and no deeper", function()
    assert.is_table(decode(("["):rep(64) .. ("]"):rep(64)))
    assert.is_true(refused(("["):rep(65) .. ("]"):rep(65)))
    assert.is_true(refused(('{"a":'):rep(100000)))
  end)

  local PIECES = { '\\"', "\\\\", "\\n", "\\u00e9", "\\ud83d\\ude00", "\195\169", "a", "longer words", "" }

  local function random_string()
    local pieces = {}
    for i = 1, math.random(0, 9) do
      pieces[i] = PIECES[math.random(#PIECES)]
    end
    return '"' .. table.concat(pieces) .. '"'
  end

  local SCALARS = {
    random_string,
    function() return ("%d"):format(math.random(-100000, 100000)) end,
    function() return ("%d.%de%d"):format(math.random(-9, 9), math.random(0, 999), math.random(-9, 9)) end,
    function() return math.random(2) == 1 and "true" or "false" end,
  }

  local function random_value(depth)
    local kind, parts = math.random(depth > 3 and 4 or 8), {}
    if kind <= 4 then return SCALARS[kind]() end
    for i = 1, math.random(0, 5) do
      parts[i] = (kind > 6 and random_string() .. " : " or "") .. random_value(depth + 1)
    end
    local inner = table.concat(parts, " ,\n")
    return kind > 6 and "{" .. inner .. "}" or "[" .. inner .. "]"
  end

  it("agrees with lua-cjson on random texts #once", function()
    for _ = 1, 2000 do
      local text = random_value(0)
      assert.same(cjson.decode(text), decode(text), text)
    end
  end)

  it("takes nothing that lua-cjson refuses, of texts with one byte changed #once", function()
    local bytes = '{}[]",:\\0-.e\n\1 tfnu9'
    for _ = 1, 3000 do
      local text, at, byte = random_value(0), math.random(20), math.random(#bytes)
      text = text:sub(1, at - 1) .. bytes:sub(byte, byte) .. text:sub(at + math.random(0, 1))
      local taken, value = pcall(cjson.decode, text)
      if not taken then
        assert.is_true(refused(text), text)
      elseif not refused(text) then
        if value == cjson.null then value = nil end
        assert.same({ value }, { (decode(text)) }, text)
      end
    end
  end)
end)

describe("core.judge", function()
  local function judged(code, status)
    local verdict = core.judge(code, status)
    return { verdict.kind, verdict.retryable, verdict.throttle, verdict.clock, verdict.credentials }
  end

  it("knows codes of FinSpace, STS and S3 whatever their status", function()
    assert.same({ "throttle", true, true, false, false }, judged("SlowDown", 503))
    assert.same({ "credentials", false, false, false, true }, judged("InvalidAccessKeyId", 403))
    assert.same({ "client", false, false, true, false }, judged("RequestTimeTooSkewed", 403))
    assert.same({ "service", true, false, false, false }, judged("OperationAborted", 409))
    assert.same({ "service", true, false, false, false }, judged("IDPCommunicationError", 400))
  end)

  it("judges an unknown code, or none, by the status", function()
    assert.same({ "throttle", true, true, false, false }, judged(nil, 429))
    for status, retryable in pairs { [500] = true, [501] = false, [502] = true, [503] = true, [504] = true } do
      assert.same({ "service", retryable, false, false, false }, judged("Novel", status))
    end
    assert.same({ "client", false, false, false, false }, judged("", 404))
    assert.same({ "protocol", false, false, false, false }, judged(nil, 302))
  end)
end)
