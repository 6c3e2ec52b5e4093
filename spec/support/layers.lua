--- Checks what can be checked of the floors: which headers a room includes, and which outside
--- functions its object needs. Prints each fault; exits 1 when there is any.

--- The headers and symbols that a room of floors 0 to 2 must not touch, unless it is their room.
local forbidden_headers = {
  { pattern = "^lua%.h$", why = "floors 0 to 2 know no Lua" },
  { pattern = "^lauxlib%.h$", why = "floors 0 to 2 know no Lua" },
  { pattern = "^lcompat%.h$", why = "floors 0 to 2 know no Lua" },
  { pattern = "^lbind%.h$", why = "floors 0 to 2 know no Lua" },
  { pattern = "^lcore%.h$", why = "floors 0 to 2 know no Lua" },
  { pattern = "^bearssl", why = "only digest sees BearSSL", room = "digest" },
  { pattern = "^curl/", why = "only http sees libcurl", room = "http" },
}

local forbidden_symbols = {
  { pattern = "^luaL?_", why = "floors 0 to 2 know no Lua" },
  { pattern = "^br_", why = "only digest sees BearSSL", room = "digest" },
  { pattern = "^curl_", why = "only http sees libcurl", room = "http" },
}

--- What signing must not need: it has no clock, no environment, no I/O and no heap.
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

--- Rooms that another room may not know of.
local strangers = {
  { room = "sigv4", header = "^http", why = "signing knows no transport" },
  { room = "sigv4", header = "^model", why = "signing knows no operation" },
  { room = "model", header = "^http", why = "the model knows not how a request is sent" },
  { room = "model", header = "^sigv4", why = "the model knows not how a request is signed" },
  { room = "http", header = "^sigv4", why = "http knows no AWS" },
  { room = "http", header = "^model", why = "http knows no AWS" },
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

--- A file's room is its name up to the first `_` or `.`; a binding's starts with `l` and a room's name.
local function room_of(path) return path:match("([^/]+)%.[cho]$"):match("^[^_]+") end

local function is_binding(room) return room:find("^l%l+") ~= nil end

local function check_header(path, room, header)
  for _, rule in ipairs(forbidden_headers) do
    if header:find(rule.pattern) and room ~= rule.room then fault(path, "includes " .. header, rule.why) end
  end
  for _, rule in ipairs(strangers) do
    if room == rule.room and header:find(rule.header) then fault(path, "includes " .. header, rule.why) end
  end
end

local function check_includes()
  for _, path in ipairs(lines_of("ls src/*.c src/*.h")) do
    local room = room_of(path)
    if not is_binding(room) then
      for line in io.lines(path) do
        local header = line:match('^%s*#%s*include%s*[<"]([^>"]+)[>"]')
        if header then check_header(path, room, header) end
      end
    end
  end
end

local function check_symbol(path, room, symbol)
  for _, rule in ipairs(forbidden_symbols) do
    if symbol:find(rule.pattern) and room ~= rule.room then fault(path, "needs " .. symbol, rule.why) end
  end
  for _, name in ipairs(impure) do
    if room == "sigv4" and symbol == name then fault(path, "needs " .. symbol, "signing is pure") end
  end
end

local function check_objects()
  local objects = lines_of("ls build/obj/*.o")
  assert(#objects > 0, "nothing is built: run `make` first")
  for _, path in ipairs(objects) do
    for _, line in ipairs(lines_of("nm -u " .. path)) do
      check_symbol(path, room_of(path), line:match("U%s+([^@%s]+)") or "")
    end
  end
end

check_includes()
check_objects()
if faults == 0 then print("layers: every module keeps to its layer") end
os.exit(faults == 0 and 0 or 1)
