local compiler = require("finspace.cli.compiler")
local support = require("spec.support")

-- A process of its own: what `require` finds is the whole program's.
local function run(folder, script)
  local text = ('package.path = "%s/?.lua;" .. package.path; %s'):format(folder, script)
  local output, status = support.run(("%s -e %s"):format(support.interpreter(), support.quote(text)))
  assert.equal(0, status, output)
  return (output:gsub("%s+$", ""))
end

describe("modules compiled beforehand", function()
  local folder, path, found_in

  before_each(function()
    folder, found_in = support.temporary_folder(), package.path
    path = folder .. "/cli.bytecode"
    support.write_file(folder .. "/one.lua", "return 'one, compiled'")
    support.write_file(folder .. "/two.lua", "return require('one') .. ' and two'")
    package.path = folder .. "/?.lua"
    compiler.write(path, { "one", "absent", "two" })
    package.path = found_in
    support.write_file(folder .. "/one.lua", "return 'one, from source'")
  end)
  after_each(function() support.remove_folder(folder) end)

  local USE = 'require("finspace.cli.bytecode").use("%s") print((require("two")))'

  it(
    "are what require finds first",
    function() assert.equal("one, compiled and two", run(folder, USE:format(path))) end
  )

  it(
    "are not missed where there is no file",
    function() assert.equal("one, from source and two", run(folder, USE:format(folder .. "/nowhere"))) end
  )

  it("give way to the sources where another Lua compiled them, or the file is cut", function()
    local content = support.read_file(path)
    support.write_file(path, (content:gsub("\27L..", "\27XXX")))
    assert.equal("one, from source and two", run(folder, USE:format(path)))
    support.write_file(path, content:sub(1, content:find("\n\n") + 10))
    assert.equal("one, from source and two", run(folder, USE:format(path)))
  end)
end)
