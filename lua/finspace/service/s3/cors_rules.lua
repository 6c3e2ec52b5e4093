--- A bucket's rules for pages of other origins: read from the document that PutBucketCors brings, and held against what a
--- browser asks ("Elements of a CORS configuration" in the Amazon S3 User Guide). A rule is {ID=?, AllowedOrigin=list,
--- AllowedMethod=list, AllowedHeader=list?, ExposeHeader=list?, MaxAgeSeconds=?}.

local wire = require("finspace.service.s3.wire")
local xml = require("finspace.service.xml")

local cors_rules = {}

local MOST_RULES = 100
local LARGEST_DOCUMENT = 64 * 1024
local LONGEST_ID = 255

local METHODS = { GET = true, PUT = true, POST = true, DELETE = true, HEAD = true }

-- In the order in which a document has them; those that are lists may stand more than once.
local ELEMENTS = { "ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds" }
local LISTS = { AllowedOrigin = true, AllowedMethod = true, AllowedHeader = true, ExposeHeader = true }

-- --- reading ----------------------------------------------------------------------------------------

local function malformed() wire.refuse("MalformedXML", "the document is not a CORSConfiguration with 1 to 100 rules") end

local function check_elements(rule)
  local known = {}
  for _, name in ipairs(ELEMENTS) do
    known[name] = true
  end
  for name in pairs(rule) do
    if not known[name] then malformed() end
  end
end

local function check_methods(methods)
  for _, method in ipairs(methods) do
    if not METHODS[method] then
      wire.refuse("InvalidRequest", ("AllowedMethod is GET, PUT, POST, DELETE or HEAD, and not %s"):format(method))
    end
  end
end

local function check_wildcards(name, texts, most)
  for _, text in ipairs(texts or {}) do
    local _, count = text:gsub("%*", "")
    if count > most or text == "" or text:find("%c") then
      wire.refuse("InvalidRequest", ("%s must be text with at most %d *, and is %q"):format(name, most, text))
    end
  end
end

local function check_rule(rule)
  check_elements(rule)
  if not rule.AllowedOrigin or not rule.AllowedMethod then malformed() end
  check_methods(rule.AllowedMethod)
  check_wildcards("AllowedOrigin", rule.AllowedOrigin, 1)
  check_wildcards("AllowedHeader", rule.AllowedHeader, 1)
  check_wildcards("ExposeHeader", rule.ExposeHeader, 0)
  if #(rule.ID or "") > LONGEST_ID then wire.refuse("InvalidRequest", "a rule's ID has at most 255 characters") end
  local seconds = rule.MaxAgeSeconds or "0"
  if not seconds:find("^%d+$") or #seconds > 9 then malformed() end
end

--- Reads a document, or refuses it.
--- @param document string
--- @return table[] rules
function cors_rules.read(document)
  if #document > LARGEST_DOCUMENT then wire.refuse("MalformedXML", "a CORSConfiguration has at most 64 KiB") end
  local rules, beside = xml.read(document, "CORSRule", MOST_RULES, 2, LISTS)
  if not rules or #rules == 0 or next(beside) then malformed() end
  for _, rule in ipairs(rules) do
    check_rule(rule)
  end
  return rules
end

-- --- writing ----------------------------------------------------------------------------------------

local function elements(rule)
  local content = {}
  for _, name in ipairs(ELEMENTS) do
    local values = LISTS[name] and (rule[name] or {}) or { rule[name] }
    for _, value in ipairs(values) do
      content[#content + 1] = { name, value }
    end
  end
  return content
end

--- @param rules table[]
--- @return table[] content for xml.elements
function cors_rules.elements(rules)
  local content = {}
  for i, rule in ipairs(rules) do
    content[i] = { "CORSRule", elements(rule) }
  end
  return content
end

-- --- matching ---------------------------------------------------------------------------------------

local function matches(pattern, text)
  local start, stop = pattern:match("^(.-)%*(.*)$")
  if not start then return pattern == text end
  return #text >= #start + #stop and text:sub(1, #start) == start and (stop == "" or text:sub(-#stop) == stop)
end

local function find(patterns, text)
  for _, pattern in ipairs(patterns or {}) do
    if matches(pattern, text) then return pattern end
  end
end

local function allows_headers(rule, names)
  local patterns = {}
  for i, pattern in ipairs(rule.AllowedHeader or {}) do
    patterns[i] = pattern:lower()
  end
  for _, name in ipairs(names) do
    if not find(patterns, name) then return false end
  end
  return true
end

--- The first rule that lets a page make a request.
--- @param rules table[]
--- @param origin string the page's
--- @param method string
--- @param names string[] headers that it would send, in lower case
--- @return table|nil rule
--- @return string|nil pattern of the rule that the origin matches
function cors_rules.match(rules, origin, method, names)
  for _, rule in ipairs(rules) do
    local pattern = find(rule.AllowedOrigin, origin)
    if pattern and find(rule.AllowedMethod, method) and allows_headers(rule, names) then return rule, pattern end
  end
end

return cors_rules
