--- Reads a CSV record by record, each a list of fields without their quotes. The file was checked
-- when it was ingested; here speed and plainness count.

local records = {}

local NEED_MORE = {} -- a field goes on beyond what has been read

local Reader = {}
Reader.__index = Reader

local function quoted_field(self, at)
  local from, parts = at + 1, {}
  while true do
    local quote = self.buffer:find('"', from, true)
    if not quote then return NEED_MORE end
    parts[#parts + 1] = self.buffer:sub(from, quote - 1)
    if self.buffer:sub(quote + 1, quote + 1) ~= '"' then return table.concat(parts, '"'), quote + 1 end
    from = quote + 2
  end
end

-- What follows a closing quote up to the field's end belongs to the field, as it did when counted.
local function read_field(self, at)
  local text, after = "", at
  if self.buffer:sub(at, at) == '"' then
    text, after = quoted_field(self, at)
    if text == NEED_MORE then return NEED_MORE end
  end
  local stop = self.buffer:find(self.field_end, after)
  if not stop then
    if not self.is_whole then return NEED_MORE end
    stop = #self.buffer + 1
  end
  return text .. self.buffer:sub(after, stop - 1), stop
end

-- Where the next record begins, given where this one's line end stands.
local function after_line_end(self, at)
  if self.buffer:sub(at, at) ~= "\r" then return at + 1 end
  if at == #self.buffer and not self.is_whole then return NEED_MORE end
  return self.buffer:sub(at + 1, at + 1) == "\n" and at + 2 or at + 1
end

local function read_record(self)
  local fields, at = {}, self.at
  while true do
    local field, stop = read_field(self, at)
    if field == NEED_MORE then return NEED_MORE end
    fields[#fields + 1] = field
    if self.buffer:sub(stop, stop) ~= self.separator then
      local next_at = stop > #self.buffer and stop or after_line_end(self, stop)
      if next_at == NEED_MORE then return NEED_MORE end
      self.at = next_at
      return fields
    end
    at = stop + 1
  end
end

local function fill(self)
  local piece = self.next_piece()
  self.buffer = self.buffer:sub(self.at) .. (piece or "")
  self.at = 1
  if not piece then self.is_whole = true end
end

--- @return string[]|nil fields
function Reader:next()
  while true do
    if self.at > #self.buffer and self.is_whole then return nil end
    local fields = self.at <= #self.buffer and read_record(self) or NEED_MORE
    if fields ~= NEED_MORE then
      if #fields > 1 or fields[1] ~= "" or self.keeps_blank then return fields end
    else
      fill(self)
    end
  end
end

--- @param next_piece fun(): string|nil
--- @param separator string
--- @return table reader {next()}
function records.reader(next_piece, separator)
  local first = next_piece() or ""
  return setmetatable({
    next_piece = next_piece,
    separator = separator,
    field_end = "[\r\n" .. (separator:find("%w") and separator or "%" .. separator) .. "]",
    buffer = first:gsub("^\239\187\191", ""),
    at = 1,
    is_whole = false,
    keeps_blank = false,
  }, Reader)
end

--- Writes fields as one line, quoted where they must be.
--- @param fields string[]
--- @param separator string
--- @return string line with its end
function records.line(fields, separator)
  local out = {}
  for i, field in ipairs(fields) do
    local needs_quotes = field:find('[",\r\n]') or field:find(separator, 1, true)
    out[i] = needs_quotes and '"' .. field:gsub('"', '""') .. '"' or field
  end
  return table.concat(out, separator) .. "\n"
end

return records
