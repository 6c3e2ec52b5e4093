--- A dataset as a table: the rows of the changesets that count at a moment, under one set of columns.

local cjson = require("cjson.safe")
local contents = require("finspace.service.s3.contents")
local failure = require("finspace.service.ingest.failure")
local formats = require("finspace.service.ingest.formats")
local gzip = require("finspace.service.ingest.gzip")
local records = require("finspace.service.ingest.csv_records")

local tables = {}

local COUNTING = [[SELECT * FROM changesets WHERE dataset_id = ? AND status = 'SUCCESS' AND active_from <= ?
  AND (active_until IS NULL OR active_until > ?)]]

-- A changeset that replaces another one stands in its place.
local function place_of(db, row)
  while row.updates_id do
    row = db:row("SELECT seq, updates_id FROM changesets WHERE id = ?", row.updates_id)
  end
  return row.seq
end

--- @param db table
--- @param dataset_id string
--- @param moment integer epoch milliseconds
--- @return table[] changesets in order
function tables.counting(db, dataset_id, moment)
  local rows = db:rows(COUNTING, dataset_id, moment, moment)
  for _, row in ipairs(rows) do
    row.place = place_of(db, row)
  end
  table.sort(rows, function(a, b) return a.place < b.place end)
  return rows
end

local function sources_of(db, changesets)
  local found = {}
  for _, changeset in ipairs(changesets) do
    local format = formats.read(cjson.decode(changeset.format_params))
    if format.type ~= "CSV" then
      failure.raise("VALIDATION", "changeset %s is %s: views are built from CSV here", changeset.id, format.type)
    end
    local rows = db:rows(
      [[SELECT s.key, c.size, c.segments FROM changeset_sources s JOIN contents c
      ON c.id = s.content_id WHERE s.changeset_id = ? ORDER BY s.position]],
      changeset.id
    )
    for _, row in ipairs(rows) do
      found[#found + 1] = { key = row.key, size = row.size, segments = row.segments, format = format }
    end
  end
  return found
end

local function open(state, source)
  local pieces, close = contents.pieces(state, source.segments, 0, source.size - 1)
  return records.reader(gzip.pieces(pieces, source.key), source.format.separator), close
end

local function first_record(state, source)
  local reader, close = open(state, source)
  local record = reader:next()
  close()
  return record or {}
end

local function schema_columns(dataset)
  local schema = dataset.schema and cjson.decode(dataset.schema)
  local tabular = schema and schema.tabularSchemaConfig
  local names, types = {}, {}
  for i, column in ipairs(tabular and tabular.columns or {}) do
    names[i], types[i] = column.columnName, column.dataType
  end
  return names, types
end

local function add_names(names, index, more)
  for _, name in ipairs(more) do
    if not index[name] then
      names[#names + 1] = name
      index[name] = #names
    end
  end
end

local function numbered(count)
  local names = {}
  for i = 1, count do
    names[i] = "column_" .. i
  end
  return names
end

-- The schema's columns, then those that only files have: nothing that was loaded is left out.
local function columns_of(state, dataset, sources)
  local names, index = {}, {}
  local described, types = schema_columns(dataset)
  add_names(names, index, described)
  for _, source in ipairs(sources) do
    local first = first_record(state, source)
    coroutine.yield()
    if source.format.has_header then
      source.header = first
      add_names(names, index, first)
    elseif #names < #first then
      add_names(names, index, numbered(#first))
    end
  end
  return names, index, types
end

-- Which column each of a file's fields goes to: by name under a header, by position without.
local function mapping(source, index, count)
  local map = {}
  for i = 1, count do
    map[i] = i
  end
  for i, name in ipairs(source.header or {}) do
    map[i] = index[name]
  end
  return map
end

local function arranged(fields, map, count)
  local row = {}
  for i = 1, count do
    row[i] = ""
  end
  for i, field in ipairs(fields) do
    if map[i] then row[map[i]] = field end
  end
  return row
end

--- Opens a dataset as it was at a moment.
--- @param state table
--- @param dataset table row
--- @param moment integer epoch milliseconds
--- @return table { columns = names, index = map of name to position, types = of the schema's columns,
---   next = fun(): string[]|nil }
function tables.open(state, dataset, moment)
  local sources = sources_of(state.db, tables.counting(state.db, dataset.id, moment))
  local columns, index, types = columns_of(state, dataset, sources)
  local at, reader, map = 0, nil, nil
  local function next_row()
    local fields = reader and reader:next()
    while not fields do
      at = at + 1
      local source = sources[at]
      if not source then return nil end
      reader, map = open(state, source), mapping(source, index, #columns)
      reader.keeps_blank = #columns == 1
      if source.format.has_header then reader:next() end
      fields = reader:next()
    end
    return arranged(fields, map, #columns)
  end
  return { columns = columns, index = index, types = types, next = next_row }
end

return tables
