local core = require("finspace.core")

-- The example of "Signature calculations: transferring payload in multiple chunks", Amazon S3 API reference.
local EXAMPLE = {
  payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
  decoded_length = 66560,
  secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
  time = 1369353600, -- 20130524T000000Z
  region = "us-east-1",
  service = "s3",
}
local SIGNATURES = {
  "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
  "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
  "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
}
-- The same body with a trailing checksum, from "… (includes trailing headers)".
local WITH_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
local TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
local TRAILER_SIGNATURES = {
  "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
  "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
  "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
}
local TRAILER = "x-amz-checksum-crc32c:sOO8/Q==\r\n"
  .. "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"

local SIZES = { 65536, 1024, 0 }

local function framed(signatures)
  local out = {}
  for i, size in ipairs(SIZES) do
    out[#out + 1] = ("%x;chunk-signature=%s\r\n"):format(size, signatures[i])
    if size > 0 then out[#out + 1] = ("a"):rep(size) .. "\r\n" end
  end
  return table.concat(out)
end

local SIGNED = framed(SIGNATURES) .. "\r\n"
local TRAILED = framed(TRAILER_SIGNATURES) .. TRAILER .. "\r\n"
local UNSIGNED = "5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"

local function reader(changed)
  local options = {}
  for name, value in pairs(EXAMPLE) do
    options[name] = value
  end
  for name, value in pairs(changed or {}) do
    options[name] = value
  end
  return core.chunked(options)
end

local function trailed() return reader { payload_hash = WITH_TRAILER, signature = TRAILER_SEED } end
local function unsigned(length)
  return reader { payload_hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER", decoded_length = length or 11 }
end

-- Feeds pieces of one size; returns the body, or nil and the code.
local function read(from, text, size)
  local out = {}
  for at = 1, #text, size do
    local piece, code, message, status = from:read(text:sub(at, at + size - 1))
    if not piece then return nil, code, message, status end
    out[#out + 1] = piece
  end
  if not from:is_done() then return nil, "unfinished" end
  return table.concat(out)
end

describe("A body in chunks", function()
  it("is read as AWS's example signs it, in pieces of any size", function()
    for _, size in ipairs { 1, 7, 87, 4096, #SIGNED } do
      assert.equal(core.sha256(("a"):rep(66560)), core.sha256(assert(read(reader(), SIGNED, size))))
    end
  end)

  it("is read with AWS's example of a trailer, and gives its headers", function()
    for _, size in ipairs { 1, 31, #TRAILED } do
      local from = trailed()
      assert.equal(66560, #assert(read(from, TRAILED, size)))
      assert.same({ ["x-amz-checksum-crc32c"] = "sOO8/Q==" }, from:trailer())
    end
  end)

  it(
    "may have the line end within its trailer that AWS's page shows",
    function() assert.truthy(read(trailed(), (TRAILED:gsub("sOO8/Q==\r\n", "sOO8/Q==\n\r\n")), 100)) end
  )

  it("is read without signatures where none were announced", function()
    for size = 1, #UNSIGNED do
      local from = unsigned()
      assert.equal("hello world", read(from, UNSIGNED, size))
      assert.same({ ["x-amz-checksum-crc32"] = "DUoRhQ==" }, from:trailer())
    end
  end)

  it("may hold nothing", function() assert.equal("", read(unsigned(0), "0\r\n\r\n", 1)) end)

  -- Any byte of the frame, and a byte here and there of what it holds.
  local function places(text)
    local found = {}
    for at = 1, #text do
      local is_frame = text:sub(at, at) ~= "a" or text:sub(at - 1, at + 1) ~= "aaa"
      if is_frame or at % 1009 == 0 then found[#found + 1] = at end
    end
    return found
  end

  local function altered(text, at)
    return text:sub(1, at - 1) .. string.char((text:byte(at) + 1) % 256) .. text:sub(at + 1)
  end

  it("is refused whichever byte was altered, whether chunks alone are signed or a trailer too", function()
    local tried = 0
    for text, open in pairs { [SIGNED] = reader, [TRAILED] = trailed } do
      for _, at in ipairs(places(text)) do
        tried = tried + 1
        assert.is_nil((read(open(), altered(text, at), 8192)), "byte " .. at)
      end
    end
    assert.is_true(tried > 700, tried .. " bytes were altered")
  end)

  it("is not whole wherever it was cut off, nor with a byte behind its end", function()
    for text, open in pairs { [SIGNED] = reader, [TRAILED] = trailed, [UNSIGNED] = unsigned } do
      for _, at in ipairs(places(text)) do
        assert.is_nil((read(open(), text:sub(1, at - 1), 8192)), "cut before byte " .. at)
      end
      assert.is_nil((read(open(), text .. "\r", 8192)))
      assert.is_nil((read(open(), text .. "\n", 8192)))
    end
  end)

  it("is refused when chunks change places or are left out", function()
    local first, second, last = SIGNED:match("^(10000;.-\r\na+\r\n)(400;.-\r\na+\r\n)(0;.*)$")
    for _, text in ipairs { second .. first .. last, first .. first .. last, first .. last, second .. last, last } do
      assert.is_nil((read(reader(), text, 8192)))
    end
  end)

  it("is refused when it holds more or fewer bytes than were declared", function()
    for _, length in ipairs { 0, 66559, 66561, 2 ^ 40 } do
      local _, code, _, status = read(reader { decoded_length = length }, SIGNED, 8192)
      assert.same({ "IncompleteBody", 400 }, { code, status })
    end
    assert.equal("IncompleteBody", select(2, read(unsigned(10), UNSIGNED, 100)))
  end)

  it("is refused under another secret, time, region or seed", function()
    for _, changed in ipairs {
      { secret_access_key = "other" },
      { time = EXAMPLE.time + 1 },
      { region = "eu-west-1" },
      { signature = ("0"):rep(64) },
    } do
      local _, code, _, status = read(reader(changed), SIGNED, 8192)
      assert.same({ "SignatureDoesNotMatch", 403 }, { code, status })
    end
  end)

  it("is refused when its frame is not one", function()
    for _, text in ipairs {
      "\r\n",
      "-1\r\n",
      "5 \r\nhello",
      "0x5\r\nhello",
      "5;x=y\r\nhello",
      "ffffffffffffffff\r\n",
      "5\r\nhello0\r\n\r\n",
      ("1"):rep(300),
      "0\r\nno colon\r\n\r\n",
      "0\r\n:no name\r\n\r\n",
      "0\r\na\rb:c\r\n\r\n",
      "0\r\n" .. ("a:b\r\n"):rep(2000) .. "\r\n",
    } do
      assert.is_nil((read(unsigned(5), text, 8192)), text:sub(1, 20))
    end
    assert.is_nil((read(reader(), UNSIGNED, 100)))
    assert.is_nil((read(reader(), TRAILED, 8192)))
  end)

  it("gives nothing more once it was refused, or closed", function()
    local from = unsigned()
    assert.is_nil((from:read("x\r\n")))
    assert.is_nil((from:read(UNSIGNED)))
    local signed = reader()
    signed:read(SIGNED:sub(1, 1000))
    signed:close()
    assert.is_nil((read(signed, SIGNED:sub(1001), 8192)))
    assert.is_false(signed:is_done())
  end)

  it("names the option that is wrong", function()
    for name, value in pairs { payload_hash = "UNSIGNED-PAYLOAD", decoded_length = -1, signature = "short" } do
      assert.has_error(function() reader { [name] = value } end)
    end
  end)
end)

describe("A checksum", function()
  local KINDS = { crc32 = "cbf43926", crc32c = "e3069283", crc64nvme = "ae8b14860a799888" }

  local function hex(bytes)
    return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
  end

  it("is the one of its kind's own check", function()
    for kind, wanted in pairs(KINDS) do
      assert.equal(wanted, hex(core.crc(kind, "123456789")))
      assert.equal(("0"):rep(#wanted), hex(core.crc(kind, "")))
    end
  end)

  local TEXT = {}
  for i = 1, 999 do
    TEXT[i] = string.char(i * i % 251)
  end
  TEXT = table.concat(TEXT)

  it("goes on from what came before, and is combined from two, wherever a text is cut", function()
    for kind in pairs(KINDS) do
      local whole = core.crc(kind, TEXT)
      for at = 0, #TEXT, 37 do
        local left, right = TEXT:sub(1, at), TEXT:sub(at + 1)
        local first, second = core.crc(kind, left), core.crc(kind, right)
        assert.equal(hex(whole), hex(core.crc(kind, right, first)))
        assert.equal(hex(whole), hex(core.crc_combine(kind, first, second, #right)))
      end
    end
  end)

  it("has a name and a size that are known", function()
    assert.has_error(function() core.crc("crc16", "x") end)
    assert.has_error(function() core.crc("crc32", "x", "short") end)
    assert.has_error(function() core.crc_combine("crc32", "abcd", "abcd", -1) end)
  end)
end)
