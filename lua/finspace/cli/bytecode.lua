--- The command line's modules compiled beforehand, in one file: compiling them is half of what a short command
--- does. The file serves the Lua that wrote it; any other one refuses its chunks, and reads the sources. This module
--- is compiled at each start, so what writes the file stands apart: finspace.cli.compiler.
---
--- A line with the bytes of the index that follows: a line `NAME OFFSET LENGTH` for each module, with an empty one
--- before and after. Then the chunks; offsets count from the first of them.
local bytecode = {}

local compile = rawget(_G, "loadstring") or load
local searchers = package.searchers or rawget(package, "loaders")

-- The file, its index, and where the first chunk stands; nil where there is no file.
local function open(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local size = tonumber(file:read("*l"))
  return file, size and file:read(size) or "", file:seek()
end

-- The index is searched and never taken apart: a short command wants a tenth of its modules.
local function find(index, name)
  local _, stop = index:find("\n" .. name .. " ", 1, true)
  if not stop then return nil end
  local offset, length = index:match("^(%d+) (%d+)\n", stop + 1)
  return tonumber(offset), tonumber(length)
end

--- Has `require` take the modules that a file holds from there, before it looks for their sources.
--- @param path string  what finspace.cli.compiler wrote; where nothing is, nothing happens
function bytecode.use(path)
  local file, index, first = open(path)
  if not file then return end
  table.insert(searchers, 2, function(name)
    local offset, length = find(index, name)
    if not length or not file:seek("set", first + offset) then return nil end
    local chunk = file:read(length)
    return chunk and #chunk == length and compile(chunk, "=" .. name) or nil, path
  end)
end

return bytecode
