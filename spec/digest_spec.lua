local core = require("finspace.core")

--- The implementations that this processor and this build have; BearSSL's is the reference.
local function backends()
  local found = {}
  for _, name in ipairs { "bearssl", "sha-ni", "armv8" } do
    if pcall(core.digest_backend, name) then found[#found + 1] = name end
  end
  return found
end

local function from_hex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function to_hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- Random bytes that are the same in every Lua: Park and Miller's generator.
local function random_source(seed)
  local state = seed
  return function(below)
    state = state * 16807 % 2147483647
    return state % below
  end
end

-- NIST's examples for FIPS 180-4 and its "additional" ones for SHA-256.
local nist = {
  { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
  { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
  {
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  },
  {
    "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
      .. "mnopqrstnopqrstu",
    "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
  },
  { from_hex("bd"), "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b" },
  { from_hex("c98c8e55"), "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504" },
  { ("\0"):rep(55), "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7" },
  { ("\0"):rep(56), "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb" },
  { ("\0"):rep(57), "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785" },
  { ("\0"):rep(64), "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b" },
  { ("\0"):rep(1000), "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53" },
  { ("A"):rep(1000), "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4" },
  { ("U"):rep(1005), "f4d62ddec0f3dd90ea1380fa16a5ff8dc4c54b21740650f24afc4120903552b0" },
  { ("a"):rep(1000000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
}

-- RFC 4231, section 4 (case 5 is about truncation, which nobody here does).
local hmac = {
  { ("\11"):rep(20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
  { "Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
  { ("\170"):rep(20), ("\221"):rep(50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
  {
    from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
    ("\205"):rep(50),
    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
  },
  {
    ("\170"):rep(131),
    "Test Using Larger Than Block-Size Key - Hash Key First",
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  },
  {
    ("\170"):rep(131),
    "This is a test using a larger than block-size key and a larger than block-size data. "
      .. "The key needs to be hashed before being used by the HMAC algorithm.",
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  },
}

describe("digest", function()
  local default = core.digest_backend()
  after_each(function() core.digest_backend(default) end)

  for _, backend in ipairs(backends()) do
    describe("with " .. backend, function()
      before_each(function() core.digest_backend(backend) end)

      it("hashes NIST's messages", function()
        for _, case in ipairs(nist) do
          assert.are.equal(case[2], core.sha256(case[1]))
        end
      end)

      it("authenticates RFC 4231's messages", function()
        for _, case in ipairs(hmac) do
          assert.are.equal(case[3], to_hex(core.hmac_sha256(case[1], case[2])))
        end
      end)

      it("hashes a message the same wherever it is split in two", function()
        local bytes = {}
        for i = 1, 200 do
          bytes[i] = string.char((i * 37) % 256)
        end
        local message = table.concat(bytes)
        local whole = core.sha256(message)
        for at = 0, #message do
          local stream = core.sha256_stream()
          stream:update(message:sub(1, at)):update(message:sub(at + 1))
          assert.are.equal(whole, stream:hex())
        end
      end)

      it("hashes a message the same byte by byte", function()
        local stream, message = core.sha256_stream(), ("0123456789abcde"):rep(20)
        for at = 1, #message do
          stream:update(message:sub(at, at))
        end
        assert.are.equal(core.sha256(message), stream:hex())
      end)

      it("goes on after its hash was taken", function()
        local stream = core.sha256_stream()
        assert.are.equal(core.sha256(""), stream:hex())
        stream:update("ab")
        assert.are.equal(core.sha256("ab"), stream:hex())
        assert.are.equal(core.sha256("abc"), stream:update("c"):hex())
      end)
    end)
  end

  it("uses the processor's instructions by default where it has them", function()
    local found = backends()
    assert.are.equal(found[#found], default)
  end)

  it("keeps the implementation that a stream was started with", function()
    core.digest_backend("bearssl")
    local stream = core.sha256_stream():update(("x"):rep(100))
    core.digest_backend(default)
    assert.are.equal(core.sha256(("x"):rep(200)), stream:update(("x"):rep(100)):hex())
  end)

  it("refuses an implementation that is not there, and names it", function()
    assert.has_error(function() core.digest_backend("abacus") end, "this processor has no digest backend 'abacus'")
    assert.are.equal(default, core.digest_backend())
  end)

  it("forgets what a closed stream has seen", function()
    local stream = core.sha256_stream():update("secret")
    stream:close()
    assert.are.equal(core.sha256(""), stream:hex())
    stream:close()
  end)
end)

describe("digest #once", function()
  local default = core.digest_backend()
  teardown(function() core.digest_backend(default) end)

  -- FINSPACE_DIGEST_ROUNDS raises the number.
  it("agrees with BearSSL on random messages, keys and splits", function()
    local rounds = tonumber(os.getenv("FINSPACE_DIGEST_ROUNDS")) or 50000
    local random, noise = random_source(20260101), {}
    for i = 1, 4096 do
      noise[i] = string.char(random(256))
    end
    noise = table.concat(noise)
    local names = backends()
    if #names == 1 then return pending("this processor has no SHA instructions to compare") end
    for _ = 1, rounds do
      local from, length = random(2048), random(random(2) == 0 and 200 or 2048)
      local message, split = noise:sub(from + 1, from + length), random(length + 1)
      local results = {}
      for i, name in ipairs(names) do
        core.digest_backend(name)
        local stream = core.sha256_stream():update(message:sub(1, split)):update(message:sub(split + 1))
        results[i] = core.sha256(message) .. stream:hex() .. core.hmac_sha256(message:sub(1, split), message)
      end
      if results[1] ~= results[2] then assert.are.equal(to_hex(results[1]), to_hex(results[2])) end
    end
  end)
end)

describe("SHA-1", function()
  it("gives the published hashes", function()
    assert.are.equal("da39a3ee5e6b4b0d3255bfef95601890afd80709", core.sha1(""))
    assert.are.equal("a9993e364706816aba3e25717850c26c9cd0d89d", core.sha1("abc"))
    assert.are.equal("34aa973cd4c4daa4f61eeb2bdbad27316534016f", core.sha1(("a"):rep(1000000)))
  end)
end)
