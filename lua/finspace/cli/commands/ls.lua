--- `finspace ls`
local json = require("finspace.cli.json")
local printable = require("finspace.printable")
local shared = require("finspace.cli.options")
local text = require("finspace.cli.text")

local ls = {}

function ls.define(command)
  command:argument("what", "datasets, changesets, views, or s3://bucket/prefix (datasets)."):args("?"):argname("WHAT")
  shared.dataset(command, "Whose changesets or views: its id, alias/…, or title."):args("?")
  command:flag("--all", "All of them, not the first hundred.")
  shared.connection(command)
  shared.output(command)
  command:epilog(
    "Examples:\n  finspace ls\n  finspace ls changesets alias/trades --all\n" .. "  finspace ls s3://bucket/prefix/"
  )
end

local LISTS = {
  datasets = {
    operation = "ListDatasets",
    items = "datasets",
    heading = { "ID", "CREATED", "ALIAS", "TITLE" },
    row = function(item)
      return { item.datasetId, text.time(item.createTime), item.alias or "", item.datasetTitle or "" }
    end,
  },
  changesets = {
    operation = "ListChangesets",
    items = "changesets",
    of_dataset = true,
    heading = { "ID", "CREATED", "STATUS", "TYPE", "SOURCE" },
    row = function(item)
      return {
        item.changesetId,
        text.time(item.createTime),
        item.status or "",
        item.changeType or "",
        item.sourceParams and item.sourceParams.s3SourcePath or "",
      }
    end,
  },
  views = {
    operation = "ListDataViews",
    items = "dataViews",
    of_dataset = true,
    heading = { "ID", "CREATED", "STATUS", "AUTO", "DESTINATION" },
    row = function(item)
      local destination = item.destinationTypeProperties or {}
      return {
        item.dataViewId,
        text.time(item.createTime),
        item.status or "",
        item.autoUpdate and "yes" or "no",
        destination.s3DestinationExportFileFormat or destination.destinationType or "",
      }
    end,
  },
}

-- The first page, or all of them.
local function collect(fs, list, params, all)
  local items, pages = {}, fs:pages(list.operation, params)
  repeat
    local page, err = pages:next()
    if err then return nil, err end
    for _, item in ipairs(page and page[list.items] or {}) do
      table.insert(items, item)
    end
  until not page or not all
  return items, nil, not pages.ended
end

local function show(list, items, more, out)
  if out.json then
    return out:print_json(require("finspace.core").json_encode(list.operation, "2021-12", { [list.items] = items }))
  end
  local rows = {}
  for i, item in ipairs(items) do
    rows[i] = list.row(item)
  end
  out:table(list.heading, rows)
  if more then out:note("There are more: use --all") end
end

local function list_items(fs, list, options, out)
  local params = {}
  if list.of_dataset then
    local dataset, err = fs:find_dataset { dataset = options.dataset }
    if not dataset then return out:fail(err) end
    params.datasetId = dataset.datasetId
  end
  local items, failure, more = collect(fs, list, params, options.all)
  if not items then return out:fail(failure) end
  show(list, items, more and not options.all, out)
end

local function list_objects(fs, bucket, prefix, out)
  for object, err in fs.s3:each_object { bucket = bucket, prefix = prefix } do
    if not object then return out:fail(err) end
    if out.json then -- one object a line, however many there are
      out:print(json.object {
        { "key", json.string(object.key) },
        { "size", ("%d"):format(object.size) },
        { "etag", json.string(object.etag or "") },
      })
    else
      out:print(("%s\t%d\t%s"):format(object.last_modified or "", object.size, printable.line(object.key)))
    end
  end
end

function ls.run(options, out)
  local what = options.what or "datasets"
  local bucket, prefix = what:match("^s3://([^/]+)/?(.*)$")
  local list = LISTS[what]
  if options.dataset and not (list and list.of_dataset) then
    return out:misuse(("%s are of no dataset: leave %q out"):format(bucket and "files" or what, options.dataset))
  end
  if bucket then return list_objects(shared.client(options), bucket, prefix, out) end
  if what:find("^s3:") then return out:misuse("name the bucket: finspace ls s3://BUCKET/PREFIX") end
  if not list then
    return out:misuse(
      ("%q cannot be listed: only datasets, changesets DATASET, views DATASET and s3://BUCKET/PREFIX"):format(what)
    )
  end
  if list.of_dataset and not options.dataset then
    return out:misuse(("name the dataset: finspace ls %s DATASET"):format(what))
  end
  return list_items(shared.client(options), list, options, out)
end

return ls
