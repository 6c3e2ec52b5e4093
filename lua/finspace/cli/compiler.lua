--- Writes the file that `finspace.cli.bytecode` reads; its form is told there.
local compiler = {}

local function source_of(name)
  for template in package.path:gmatch("[^;]+") do
    local path = template:gsub("%?", (name:gsub("%.", "/")))
    local file = io.open(path, "rb")
    if file then
      file:close()
      return path
    end
  end
end

--- Compiles modules into one file, for the Lua that runs.
--- @param path string
--- @param names string[]  of modules; those without a source are left out
function compiler.write(path, names)
  local lines, chunks, offset = {}, {}, 0
  for _, name in ipairs(names) do
    local source = source_of(name)
    if source then
      local chunk = string.dump(assert(loadfile(source)), true)
      lines[#lines + 1] = ("%s %d %d\n"):format(name, offset, #chunk)
      chunks[#chunks + 1] = chunk
      offset = offset + #chunk
    end
  end
  local file = assert(io.open(path, "wb"))
  local index = "\n" .. table.concat(lines) .. "\n"
  assert(file:write(#index, "\n", index, table.concat(chunks)))
  assert(file:close())
end

return compiler
