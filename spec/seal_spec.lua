local support = require("spec.support")
local has_ffi = pcall(require, "ffi")

describe("A sealed text", function()
  if not has_ffi then
    return it(
      "is the service's, which LuaJIT runs",
      function() pending("this Lua has no FFI, which the service needs") end
    )
  end
  local seal = require("finspace.service.auth.seal")
  local key = seal.key("a secret", "spec")

  it("is read with its key, whatever its length and bytes", function()
    for _, text in ipairs { "", "a", "\0\255", ("x"):rep(100000) } do
      assert.equal(text, seal.open(key, seal.close(key, text)))
    end
  end)

  it("shows nothing of the text, and differs each time", function()
    local one, other = seal.close(key, "a temporary password"), seal.close(key, "a temporary password")
    assert.are_not.equal(one, other)
    assert.is_nil(one:find("password", 1, true))
  end)

  it("is not read with another key, or one for another purpose", function()
    local sealed = seal.close(key, "text")
    assert.is_nil(seal.open(seal.key("another secret", "spec"), sealed))
    assert.is_nil(seal.open(seal.key("a secret", "something else"), sealed))
  end)

  it("is not read when a byte of it was changed or is missing", function()
    local sealed = seal.close(key, "text")
    for at = 1, #sealed do
      local changed = sealed:sub(1, at - 1) .. string.char((sealed:byte(at) + 1) % 256) .. sealed:sub(at + 1)
      assert.is_nil(seal.open(key, changed))
      assert.is_nil(seal.open(key, sealed:sub(1, at - 1)))
    end
  end)

  it(
    "is ChaCha20 and Poly1305 as RFC 8439 (section 2.8.2, without its associated data) and others have them",
    function()
      local python = support.python("cryptography")
      if not python then return pending(support.lacking("python3 with cryptography")) end
      local sealed = seal.close(key, "one text, two implementations")
      local hex = (key .. sealed):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
      local script = "import sys; from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305 as A;"
        .. "b=bytes.fromhex(sys.argv[1]); s=b[32:]; print(A(b[:32]).decrypt(s[:12], s[28:]+s[12:28], None).decode())"
      assert.equal("one text, two implementations\n", (support.run(python .. " -c '" .. script .. "' " .. hex)))
    end
  )
end)
