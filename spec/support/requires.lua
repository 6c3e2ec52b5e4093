--- Who requires whom in lua/finspace, lazy requires and names put together from a prefix among them.
local requires = {}

local ROOT = "lua/"

local function module_of(path) return (path:gsub("^" .. ROOT, ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")) end

-- A line without what follows `--`, which may name modules without needing them.
local function code_of(line) return (line:gsub("^%s*%-%-.*$", ""):gsub("%s%-%- .*$", "")) end

--- All modules of a tree, with their files.
--- @param folder string  the tree's root, which holds lua/finspace
--- @return table<string, string> files, by module
function requires.modules(folder)
  local files = {}
  local pipe = assert(io.popen(("cd '%s' && find %sfinspace -name '*.lua' -not -path '*/meta/*'"):format(folder, ROOT)))
  for path in pipe:lines() do
    files[module_of(path)] = path
  end
  pipe:close()
  return files
end

-- What stands directly below a prefix like "finspace.verbs.".
local function below(files, prefix)
  local found = {}
  for module in pairs(files) do
    if module:sub(1, #prefix) == prefix and not module:find(".", #prefix + 1, true) then found[#found + 1] = module end
  end
  return found
end

-- The modules that a text in quotes stands for: one, or all below a prefix that a name is put together from.
local function meant_by(text, files)
  if text:sub(-1) == "." then return below(files, text) end
  return { text }
end

-- The modules that a line of code names: as `require` would want them, or as text in a table of them.
local function named_in(line, files)
  local found, is_require = {}, line:find("require", 1, true) ~= nil
  for text in line:gmatch("[\"'](finspace[%w_.]*)[\"']") do
    if is_require or text:find("%.%w") then
      for _, module in ipairs(meant_by(text, files)) do
        if files[module] or is_require then found[#found + 1] = module end
      end
    end
  end
  return found
end

--- The edges of the graph: for each module, the set of those that it requires. Modules in C are among them.
--- @param folder string
--- @return table<string, table<string, boolean>> edges
--- @return table<string, string> files
function requires.graph(folder)
  local files, edges = requires.modules(folder), {}
  for module, path in pairs(files) do
    edges[module] = {}
    for line in io.lines(folder .. "/" .. path) do
      for _, name in ipairs(named_in(code_of(line), files)) do
        if name ~= module then edges[module][name] = true end
      end
    end
  end
  return edges, files
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end
requires.sorted = sorted

--- A way from a module back to itself, or nil.
--- @param edges table<string, table<string, boolean>>
--- @return string[]|nil circle
function requires.circle(edges)
  local done, path = {}, {}
  local function visit(module)
    path[#path + 1] = module
    path[module] = #path
    for _, needed in ipairs(sorted(edges[module] or {})) do
      if path[needed] then
        local circle = {}
        for at = path[needed], #path do
          circle[#circle + 1] = path[at]
        end
        circle[#circle + 1] = needed
        return circle
      end
      local found = not done[needed] and visit(needed)
      if found then return found end
    end
    path[module], path[#path], done[module] = nil, nil, true
  end
  for _, module in ipairs(sorted(edges)) do
    local found = not done[module] and visit(module)
    if found then return found end
  end
  return nil
end

return requires
