--- Reads how many rows a Parquet file has: its footer says so. The footer is a FileMetaData structure
-- in Thrift's compact protocol, with num_rows as field 3 (parquet.thrift of apache/parquet-format).

local failure = require("finspace.service.ingest.failure")

local MAGIC = "PAR1"
local LARGEST_FOOTER = 64 * 1024 * 1024
local STOP, TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
local NUM_ROWS, I64 = 3, 6
local DEEPEST = 32

local Cursor = {}
Cursor.__index = Cursor

function Cursor:byte()
  local value = self.text:byte(self.at)
  if not value then error("short", 0) end
  self.at = self.at + 1
  return value
end

function Cursor:varint()
  local value, scale = 0, 1
  repeat
    local byte = self:byte()
    value, scale = value + (byte % 128) * scale, scale * 128
  until byte < 128
  return value
end

function Cursor:zigzag()
  local value = self:varint()
  return value % 2 == 0 and value / 2 or -(value + 1) / 2
end

function Cursor:field(previous)
  local head = self:byte()
  local kind, delta = head % 16, math.floor(head / 16)
  if kind == STOP then return STOP end
  return kind, delta == 0 and self:zigzag() or previous + delta
end

function Cursor:skip_list(depth)
  local head = self:byte()
  local kind, count = head % 16, math.floor(head / 16)
  if count == 15 then count = self:varint() end
  for _ = 1, count do
    self:skip(kind, depth, true)
  end
end

function Cursor:skip_map(depth)
  local count = self:varint()
  if count == 0 then return end
  local kinds = self:byte()
  for _ = 1, count do
    self:skip(math.floor(kinds / 16), depth, true)
    self:skip(kinds % 16, depth, true)
  end
end

function Cursor:skip_struct(depth)
  local kind, id = self:field(0)
  while kind ~= STOP do
    self:skip(kind, depth)
    kind, id = self:field(id)
  end
end

-- A boolean is in its field's head, but takes a byte in a list.
function Cursor:skip(kind, depth, in_list)
  if depth > DEEPEST then error("deep", 0) end
  if kind == TRUE or kind == FALSE then
    if in_list then self:byte() end
  elseif kind == BYTE then
    self:byte()
  elseif kind == DOUBLE then
    self.at = self.at + 8
  elseif kind == BINARY then
    local length = self:varint()
    self.at = self.at + length
  elseif kind == LIST or kind == SET then
    self:skip_list(depth + 1)
  elseif kind == MAP then
    self:skip_map(depth + 1)
  elseif kind == STRUCT then
    self:skip_struct(depth + 1)
  else
    self:varint()
  end
end

local function rows_of(footer)
  local cursor = setmetatable({ text = footer, at = 1 }, Cursor)
  local kind, id = cursor:field(0)
  while kind ~= STOP do
    if id == NUM_ROWS and kind == I64 then return cursor:zigzag() end
    cursor:skip(kind, 1)
    kind, id = cursor:field(id)
  end
end

local function read(object, first, last)
  local pieces = {}
  for piece in object.read(first, last) do
    pieces[#pieces + 1] = piece
  end
  return table.concat(pieces)
end

local function refuse(object, why) failure.raise("VALIDATION", "%s is not a Parquet file: %s", object.name, why) end

local function count(object)
  if object.size < 12 then refuse(object, "it is too short") end
  local tail = read(object, object.size - 8, object.size - 1)
  if read(object, 0, 3) ~= MAGIC or tail:sub(5) ~= MAGIC then refuse(object, "it lacks the mark PAR1") end
  local a, b, c, d = tail:byte(1, 4)
  local length = a + b * 2 ^ 8 + c * 2 ^ 16 + d * 2 ^ 24
  if length > object.size - 12 or length > LARGEST_FOOTER then refuse(object, "its footer's length is wrong") end
  local ok, rows = pcall(rows_of, read(object, object.size - 8 - length, object.size - 9))
  if not ok or not rows or rows < 0 then refuse(object, "its footer cannot be read") end
  return rows
end

local Counter = {}
Counter.__index = Counter

--- @param object table {name=, size=, read(first, last)}
function Counter:begin(object) self.object = object end

--- @return integer rows so far, of all files
function Counter:finish()
  self.rows = self.rows + count(self.object)
  return self.rows
end

local parquet = {}

--- @return table counter {begin(object), finish() -> rows}
function parquet.counter() return setmetatable({ rows = 0 }, Counter) end

return parquet
