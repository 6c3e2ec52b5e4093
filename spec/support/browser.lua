--- A browser for specs: Debian's Chromium, driven by chromedriver in the WebDriver protocol
--- (https://www.w3.org/TR/webdriver2/). Each has its own port, profile and folder of downloads.
local cjson = require("cjson")
local http = require("socket.http")
local ltn12 = require("ltn12")
local support = require("spec.support")
local sys = require("finspace.sys")

local browser = {}

local ELEMENT = "element-6066-11e4-a52e-4f735466cecf" -- the protocol's own name for a reference to one

--- Why there is no browser here; nil when there is one.
--- @return string|nil
function browser.missing()
  for _, name in ipairs { "chromium", "chromedriver" } do
    local missing = support.absent(name, "make interop")
    if missing then return missing end
  end
end

local Browser = {}
Browser.__index = Browser

-- The document is text: lua-cjson writes an empty table as an object, where the protocol wants a list.
local function ask(self, method, path, json)
  local body, pieces = json or "", {}
  http.TIMEOUT = 90
  local _, status = http.request {
    method = method,
    url = ("http://127.0.0.1:%d%s"):format(self.port, path),
    headers = { ["content-type"] = "application/json", ["content-length"] = #body },
    source = ltn12.source.string(body),
    sink = ltn12.sink.table(pieces),
  }
  local text = table.concat(pieces)
  if status ~= 200 then error(("chromedriver, %s: %s %s"):format(path, tostring(status), text:sub(1, 500)), 3) end
  return cjson.decode(text).value
end

local function call(self, path, json) return ask(self, "POST", self.session .. path, json) end

--- Opens an address.
--- @param url string
function Browser:open(url) call(self, "/url", cjson.encode { url = url }) end

--- Runs a script in the page; `arguments[0]` and so on are what is given.
--- @param script string
--- @return any
function Browser:run(script, ...)
  local given = select("#", ...) == 0 and "[]" or cjson.encode { ... }
  local value = call(self, "/execute/sync", ('{"script":%s,"args":%s}'):format(cjson.encode(script), given))
  if value == cjson.null then return nil end
  return value
end

--- Waits until a script's value is true; what the page shows then is in the error.
--- @param condition string an expression of JavaScript
--- @return any its value
function Browser:await(condition, ...)
  for _ = 1, 600 do
    local value = self:run("return " .. condition, ...)
    if value then return value end
    sys.sleep(0.05)
  end
  error(("the page never came to: %s\n%s"):format(condition, self:text("body")), 2)
end

local function find(self, selector)
  return call(self, "/element", cjson.encode { using = "css selector", value = selector })[ELEMENT]
end

--- What an element shows.
--- @param selector string
--- @return string
function Browser:text(selector)
  return self:run("return document.querySelector(arguments[0])?.innerText", selector) or ""
end

--- Types into an element; into a file input, a path.
--- @param selector string
--- @param text string
function Browser:type(selector, text)
  call(self, "/element/" .. find(self, selector) .. "/value", cjson.encode { text = text })
end

local CLICK = [[
  const scope = document.querySelector(arguments[1] ?? "body");
  const all = [...(scope?.querySelectorAll("button, a, summary, label, [role=menuitem]") ?? [])];
  const found = all.filter((one) => one.textContent.trim() === arguments[0] && one.checkVisibility()).pop();
  found?.click();
  return Boolean(found);
]]

--- Presses what is labelled so.
--- @param label string
--- @param within? string selector
function Browser:press(label, within)
  for _ = 1, 400 do
    if self:run(CLICK, label, within) then return end
    sys.sleep(0.05)
  end
  error(("there is nothing to press that is called %q\n%s"):format(label, self:text("body")), 2)
end

--- Types a key where the focus is.
--- @param key string one of the protocol's key characters, or text
function Browser:key(key)
  local action =
    '{"actions":[{"type":"key","id":"keys","actions":[{"type":"keyDown","value":%s},{"type":"keyUp","value":%s}]}]}'
  local text = cjson.encode(key)
  call(self, "/actions", action:format(text, text))
end

--- Moves the pointer over the page, and drags when `pressed`.
--- @param points table[] {x, y} in pixels of the window
--- @param pressed? boolean
function Browser:point(points, pressed)
  local moves = {}
  for i, at in ipairs(points) do
    local x, y = math.floor(at[1]), math.floor(at[2])
    moves[#moves + 1] = ('{"type":"pointerMove","duration":0,"x":%d,"y":%d}'):format(x, y)
    if pressed and i == 1 then moves[#moves + 1] = '{"type":"pointerDown","button":0}' end
  end
  if pressed then moves[#moves + 1] = '{"type":"pointerUp","button":0}' end
  local actions = '{"actions":[{"type":"pointer","id":"mouse","parameters":{"pointerType":"mouse"},"actions":[%s]}]}'
  call(self, "/actions", actions:format(table.concat(moves, ",")))
end

local function devtools(self, command, params)
  call(self, "/goog/cdp/execute", cjson.encode { cmd = command, params = params })
end

--- @param width integer
--- @param height integer
function Browser:size(width, height)
  devtools(
    self,
    "Emulation.setDeviceMetricsOverride",
    { width = width, height = height, deviceScaleFactor = 1, mobile = false }
  )
end

--- @param scheme "light"|"dark" what the system prefers
function Browser:scheme(scheme)
  devtools(self, "Emulation.setEmulatedMedia", { features = { { name = "prefers-color-scheme", value = scheme } } })
end

--- Keeps requests from leaving the browser.
--- @param patterns string[] of addresses, with `*` for anything; none lets all leave again
function Browser:block(patterns)
  call(self, "/goog/cdp/execute", '{"cmd":"Network.enable","params":{}}')
  local list = #patterns == 0 and "[]" or cjson.encode(patterns)
  call(self, "/goog/cdp/execute", ('{"cmd":"Network.setBlockedURLs","params":{"urls":%s}}'):format(list))
end

--- What the browser complained about since it was last asked: faults of scripts, blocked content.
--- @return table[] {level, message, source}
function Browser:complaints() return call(self, "/se/log", '{"type":"browser"}') end

--- Raises what scripts or the page's policy complained about; what the service refuses is the page's own business.
function Browser:assert_no_complaints()
  for _, complaint in ipairs(self:complaints()) do
    if complaint.level == "SEVERE" and complaint.source ~= "network" then error(complaint.message, 2) end
  end
end

-- While bytes arrive, what is downloaded has its name already, and none of them: they are in a .crdownload beside it.
local function whole_download(folder)
  local names = support.run(("ls -1 '%s' 2>/dev/null"):format(folder))
  local name = names:match("(%C+)\n")
  return name and not names:find(".crdownload", 1, true) and name or nil
end

--- Waits for what is downloaded into an empty folder.
--- @return string name, string bytes
function Browser:download()
  for _ = 1, 400 do
    local name = whole_download(self.downloads)
    local bytes = name and support.read_file(self.downloads .. "/" .. name) or ""
    if bytes ~= "" then return name, bytes end
    sys.sleep(0.05)
  end
  error("nothing was downloaded: " .. self:text("main"), 2)
end

--- Ends it; again is harmless.
function Browser:stop()
  if not self.pid then return end
  pcall(ask, self, "DELETE", self.session)
  sys.kill(self.pid, 15)
  sys.wait(self.pid, 5)
  self.pid = nil
  support.remove_folder(self.folder)
end

local FLAGS = {
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--window-size=1280,900",
  "--host-resolver-rules=MAP finspace.test 127.0.0.1", -- an address that is not this machine's own
}

local function capabilities(folder)
  local flags = { "--user-data-dir=" .. folder .. "/profile" }
  for _, flag in ipairs(FLAGS) do
    flags[#flags + 1] = flag
  end
  return {
    capabilities = {
      alwaysMatch = {
        ["goog:loggingPrefs"] = { browser = "ALL" },
        ["goog:chromeOptions"] = { args = flags, prefs = { ["download.default_directory"] = folder .. "/downloads" } },
      },
    },
  }
end

local function await_driver(self)
  for _ = 1, 400 do
    local ok, status = pcall(ask, self, "GET", "/status")
    if ok and status.ready then return end
    sys.sleep(0.05)
  end
  error("chromedriver did not start", 3)
end

--- Starts a browser.
--- @return table browser {downloads=folder, …}
function browser.start()
  local folder = support.temporary_folder()
  local self =
    setmetatable({ port = support.free_port(), folder = folder, downloads = folder .. "/downloads" }, Browser)
  self.pid = assert(sys.start {
    argv = support.plain { "chromedriver", "--port=" .. self.port },
    stdout = folder .. "/driver.out",
    stderr = folder .. "/driver.err",
  })
  await_driver(self)
  self.session = "/session/" .. ask(self, "POST", "/session", cjson.encode(capabilities(folder))).sessionId
  return self
end

return browser
