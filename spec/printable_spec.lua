local errors = require("finspace.errors")
local printable = require("finspace.printable")

describe("text of others", function()
  it("reaches no terminal with a control character in it", function()
    local all = {}
    for byte = 0, 255 do
      all[#all + 1] = string.char(byte)
    end
    for low = 128, 159 do
      all[#all + 1] = "\194" .. string.char(low)
    end
    local text = table.concat(all, " ")
    assert.is_nil(printable.line(text):find("%c"))
    assert.is_nil(printable.line(text):find("\194[\128-\159]"))
    assert.is_nil(printable.text(text):gsub("[\n\t]", ""):find("%c"))
  end)

  it("shows what was there", function()
    assert.equal("\\x1b]0;title\\x07", printable.line("\27]0;title\7"))
    assert.equal("a\\x0ab", printable.line("a\nb"))
    assert.equal("a\nb\tc\\x0d", printable.text("a\nb\tc\r"))
    assert.equal("\\u009b31m", printable.line("\194\15531m"))
  end)

  it("stays as it is without them, in any language", function()
    for _, text in ipairs { "", "Zürich, 東京", "a b", "Â£", "\194\160" } do
      assert.equal(text, printable.line(text))
      assert.equal(text, printable.text(text))
    end
  end)

  it("means the same in JSON", function() assert.equal('"a\\u007f\\u009b"', printable.json('"a\127\194\155"')) end)

  it("has none in an err, wherever it came from", function()
    local err = errors.new {
      kind = "client",
      code = "Refused",
      operation = "Get\27[2J",
      message = "no \27]0;pwn\7 such\nthing \194\155",
      reason = "\8",
      request_id = "id\r",
      status = 404,
    }
    for _, text in ipairs { tostring(err), "" .. err, err.message, err.reason, err.request_id } do
      assert.is_nil(text:gsub("\n", ""):find("[%c]"))
      assert.is_nil(text:find("\194\155", 1, true))
    end
    err.message = "added later \7"
    assert.is_nil(tostring(err):find("%c"))
    local faults = errors.validation("Create", { { member = "m", rule = "r", message = "bad \27[31m" } })
    assert.is_nil(tostring(faults):gsub("\n", ""):find("%c"))
  end)
end)
