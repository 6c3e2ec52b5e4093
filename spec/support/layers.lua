--- Checks what can be checked of the design: which headers a module in C includes and which outside functions
--- its object needs, and which modules a module in Lua requires. Prints each fault; exits 1 when there is any.
---
---     make layers            (or: lua5.4 spec/support/layers.lua FOLDER, for the Lua of another tree)
package.path = "./?.lua;" .. package.path
local requires = require("spec.support.requires")

-- In C ------------------------------------------------------------------------------------------------

-- The headers and symbols that a module of layers 0 to 2 must not touch, unless it is their module.
local forbidden_headers = {
  { pattern = "^lua%.h$", why = "layers 0 to 2 know no Lua" },
  { pattern = "^lauxlib%.h$", why = "layers 0 to 2 know no Lua" },
  { pattern = "^lcompat%.h$", why = "layers 0 to 2 know no Lua" },
  { pattern = "^lbind%.h$", why = "layers 0 to 2 know no Lua" },
  { pattern = "^lcore%.h$", why = "layers 0 to 2 know no Lua" },
  { pattern = "^bearssl", why = "only digest sees BearSSL", module = "digest" },
  { pattern = "^curl/", why = "only http sees libcurl", module = "http" },
}

local forbidden_symbols = {
  { pattern = "^luaL?_", why = "layers 0 to 2 know no Lua" },
  { pattern = "^br_", why = "only digest sees BearSSL", module = "digest" },
  { pattern = "^curl_", why = "only http sees libcurl", module = "http" },
}

-- What signing must not need: it has no clock, no environment, no I/O and no heap.
local impure = {
  "time",
  "gettimeofday",
  "clock_gettime",
  "getenv",
  "secure_getenv",
  "malloc",
  "calloc",
  "realloc",
  "free",
  "open",
  "read",
  "write",
  "fopen",
  "printf",
  "fprintf",
  "getrandom",
  "gmtime_r",
  "localtime_r",
}

-- Modules that another module may not know of.
local unknown = {
  { module = "sigv4", header = "^http", why = "signing knows no transport" },
  { module = "sigv4", header = "^model", why = "signing knows no operation" },
  { module = "model", header = "^http", why = "the model knows not how a request is sent" },
  { module = "model", header = "^sigv4", why = "the model knows not how a request is signed" },
  { module = "http", header = "^sigv4", why = "http knows no AWS" },
  { module = "http", header = "^model", why = "http knows no AWS" },
}

local faults = 0
local function fault(path, what, why)
  faults = faults + 1
  print(("%s: %s: %s"):format(path, what, why))
end

local function lines_of(command)
  local lines = {}
  for line in assert(io.popen(command)):lines() do
    lines[#lines + 1] = line
  end
  return lines
end

-- A file's module is its name up to the first `_` or `.`; a binding's starts with `l` and a module's name.
local function module_of(path) return path:match("([^/]+)%.[cho]$"):match("^[^_]+") end

local function is_binding(module) return module:find("^l%l+") ~= nil end

local function check_header(path, module, header)
  for _, rule in ipairs(forbidden_headers) do
    if header:find(rule.pattern) and module ~= rule.module then fault(path, "includes " .. header, rule.why) end
  end
  for _, rule in ipairs(unknown) do
    if module == rule.module and header:find(rule.header) then fault(path, "includes " .. header, rule.why) end
  end
end

local function check_includes()
  for _, path in ipairs(lines_of("ls src/*.c src/*.h")) do
    local module = module_of(path)
    if not is_binding(module) then
      for line in io.lines(path) do
        local header = line:match('^%s*#%s*include%s*[<"]([^>"]+)[>"]')
        if header then check_header(path, module, header) end
      end
    end
  end
end

local function check_symbol(path, module, symbol)
  for _, rule in ipairs(forbidden_symbols) do
    if symbol:find(rule.pattern) and module ~= rule.module then fault(path, "needs " .. symbol, rule.why) end
  end
  for _, name in ipairs(impure) do
    if module == "sigv4" and symbol == name then fault(path, "needs " .. symbol, "signing is pure") end
  end
end

local function check_objects()
  local objects = lines_of("ls build/obj/*.o")
  assert(#objects > 0, "nothing is built: run `make` first")
  for _, path in ipairs(objects) do
    for _, line in ipairs(lines_of("nm -u " .. path)) do
      check_symbol(path, module_of(path), line:match("U%s+([^@%s]+)") or "")
    end
  end
end

-- In Lua ----------------------------------------------------------------------------------------------

-- The parts of the client by layer, the lowest first: a module requires its own part and what stands in lower
-- layers, nothing else.
local LAYERS = {
  { "core", "http", "sys", "hashing", "version", "printable" },
  { "options", "errors" },
  { "formats", "host" },
  { "config" },
  { "endpoint", "call" },
  { "credentials", "s3" },
  { "session" },
  { "verbs" },
  { "client" },
  { "init" },
  { "cli" },
}

-- What the service may take from the client. Where its store lies past one machine it is a client itself.
local SHARED = { core = true, http = true, sys = true, hashing = true, version = true }
local AS_A_CLIENT = { ["finspace.service.store"] = true }

-- The one door from the client to the service.
local DOOR = "finspace.cli.service"

-- "verbs" of "finspace.verbs.load"; the front door itself is "init".
local function part_of(module) return module:match("^finspace%.([%w_]+)") or "init" end

local layer_of = {}
for number, parts in ipairs(LAYERS) do
  for _, part in ipairs(parts) do
    layer_of[part] = number
  end
end

local function check_client(module, needed)
  local mine, other = part_of(module), part_of(needed)
  if other == "service" then
    if module ~= DOOR then fault(module, "requires " .. needed, "the client knows the service through " .. DOOR) end
  elseif not layer_of[mine] or not layer_of[other] then
    fault(module, "requires " .. needed, "a part of the client that no layer names")
  elseif mine ~= other and layer_of[other] >= layer_of[mine] then
    fault(module, "requires " .. needed, ("%s does not stand above %s"):format(mine, other))
  end
end

local function check_service(module, needed)
  local other = part_of(needed)
  if other == "service" or SHARED[other] then return end
  for folder in pairs(AS_A_CLIENT) do
    if module:sub(1, #folder) == folder then return end
  end
  fault(module, "requires " .. needed, "the service needs nothing of the client but what it shares")
end

-- Shelves whose entry is one of their modules: what all databases have in common.
local SHELVES = { ["finspace.service.db"] = true, ["finspace.service.ingest"] = true }

-- A folder with an entry (`x.lua` beside it, or `x/init.lua`) is reached through it alone. A folder without one
-- is a shelf, whose files are modules of their own. The root's entry is the front door, which is no wall.
local function check_folders(module, needed, files)
  local folder = needed:match("^(finspace%..+)%.[^.]+$")
  while folder do
    local inside = module == folder or module:sub(1, #folder + 1) == folder .. "."
    if files[folder] and not inside and not SHELVES[folder] then
      fault(module, "requires " .. needed, "reach into it through " .. folder)
    end
    folder = folder:match("^(finspace%..+)%.[^.]+$")
  end
end

local function check_requires(root)
  local edges, files = requires.graph(root)
  for _, module in ipairs(requires.sorted(edges)) do
    local check = part_of(module) == "service" and check_service or check_client
    for _, needed in ipairs(requires.sorted(edges[module])) do
      check(module, needed)
      check_folders(module, needed, files)
    end
  end
  local circle = requires.circle(edges)
  if circle then fault(circle[1], "requires itself", table.concat(circle, " > ")) end
end

-- -----------------------------------------------------------------------------------------------------

local root = arg[1]
if not root then
  check_includes()
  check_objects()
end
check_requires(root or ".")
if faults == 0 then print("layers: every module keeps to its layer") end
os.exit(faults == 0 and 0 or 1)
