--- Which bytes of an object a request wants: `Range` as S3 has it, or one part of an upload in parts. Bytes
--- count from 0, and the last one is included.

local conditions = require("finspace.service.s3.conditions")
local wire = require("finspace.service.s3.wire")

local ranges = {}

local function refuse(range, size)
  ngx.header["Content-Range"] = ("bytes */%d"):format(size)
  wire.refuse("InvalidRange", "the range lies outside of the object", {
    { "RangeRequested", range },
    { "ActualObjectSize", ("%d"):format(size) },
  })
end

local function whole_number(text) return text ~= "" and tonumber(text) or nil end

-- bytes=a-b, bytes=a- and bytes=-n; anything else is no range (RFC 9110, section 14.2).
local function parse(text)
  local from, to = text:match("^%s*[bB][yY][tT][eE][sS]=%s*(%d*)%s*%-%s*(%d*)%s*$")
  if not from then return nil end
  local first, last = whole_number(from), whole_number(to)
  if not first and not last then return nil end
  if first and last and first > last then return nil end
  return first, last
end

-- If-Range: the range is meant for one state of the object; of another one all is wanted.
local function is_meant(header, found)
  local state = header["if-range"]
  if not state then return true end
  local date = ngx.parse_http_time(state)
  if date then return date == math.floor(found.modified / 1000) end
  return conditions.names(state, found.etag)
end

--- @param header table<string, string>
--- @param found table row of an object
--- @return integer|nil first nil: the whole object
--- @return integer|nil last
function ranges.wanted(header, found)
  if not header.range or not is_meant(header, found) then return nil end
  local first, last = parse(header.range)
  if not first and not last then return nil end
  if not first then
    first, last = math.max(0, found.size - last), last > 0 and found.size - 1 or -1
  end
  last = math.min(last or found.size - 1, found.size - 1)
  if first > last then refuse(header.range, found.size) end
  return first, last
end

--- The range of a copy, which must be whole: `bytes=a-b` within the source.
--- @param text string|nil x-amz-copy-source-range
--- @param size integer of the source
--- @return integer first
--- @return integer last
function ranges.of_copy(text, size)
  if not text then return 0, size - 1 end
  local first, last = parse(text)
  if not first or not last then wire.refuse("InvalidArgument", "x-amz-copy-source-range must be bytes=FIRST-LAST") end
  if last >= size then refuse(text, size) end
  return first, last
end

--- The bytes of one part; an object that was not uploaded in parts has one.
--- @param parts table[]|nil {size=} of each
--- @param number integer from 1 on
--- @param size integer of the object
--- @return integer first
--- @return integer last first - 1 where the part is empty
function ranges.of_part(parts, number, size)
  if not parts and number == 1 then return 0, size - 1 end
  if not parts or not parts[number] then wire.refuse("InvalidPart", "the object has no part of that number") end
  local first = 0
  for i = 1, number - 1 do
    first = first + parts[i].size
  end
  return first, first + parts[number].size - 1
end

return ranges
