--- The command line's modules compiled beforehand, in one file: compiling them is half of what a short command
--- does. The file serves the Lua that wrote it; any other one refuses its chunks, and reads the sources.
---
--- A line `NAME OFFSET LENGTH` for each module, an empty line, then the chunks. Offsets count from the first chunk.
local bytecode = {}

local compile = rawget(_G, "loadstring") or load
local searchers = package.searchers or rawget(package, "loaders")

-- The file, where each chunk stands in it, and where the first one does; nil where there is no file.
local function open(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local places = {}
  for line in file:lines() do
    local name, offset, length = line:match("^(%S+) (%d+) (%d+)$")
    if not name then break end
    places[name] = { offset = tonumber(offset), length = tonumber(length) }
  end
  return file, places, file:seek()
end

--- Has `require` take the modules that a file holds from there, before it looks for their sources.
--- @param path string  what `bytecode.write` wrote; where nothing is, nothing happens
function bytecode.use(path)
  local file, places, first = open(path)
  if not file then return end
  table.insert(searchers, 2, function(name)
    local place = places[name]
    if not place or not file:seek("set", first + place.offset) then return nil end
    local chunk = file:read(place.length)
    return chunk and #chunk == place.length and compile(chunk, "=" .. name) or nil, path
  end)
end

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
function bytecode.write(path, names)
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
  assert(file:write(table.concat(lines), "\n", table.concat(chunks)))
  assert(file:close())
end

return bytecode
