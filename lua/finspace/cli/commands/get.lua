--- `finspace get`, also `finspace download`
local interrupt = require("finspace.cli.interrupt")
local json = require("finspace.cli.json")
local printable = require("finspace.printable")
local shared = require("finspace.cli.options")
local text = require("finspace.cli.text")
local values = require("finspace.cli.values")

local get = {}

function get.define(command)
  command:argument("source", "s3://bucket/key, or s3://bucket/prefix/ for all below it."):args("?"):argname("SOURCE")
  command:argument("target", "The file or folder (the key's last part, or this folder)."):args("?"):argname("TARGET")
  command
    :option("--dataset", "A view's files instead, below TARGET: its id, alias/…, or title.")
    :convert(values.text("--dataset"))
    :argname("DATASET")
  command
    :option("--view", "Which view of the dataset, by its id (its newest).")
    :convert(values.text("--view"))
    :argname("VIEW")
  shared.connection(command)
  shared.output(command)
  command:epilog(
    "Examples:\n  finspace get s3://bucket/reports/2020.csv\n  finspace get --dataset 'Daily prices' ./prices\n\n"
      .. "A file appears under its name when it is whole and right, not before."
  )
end

-- Where it goes when nobody said.
local function default_target(source)
  local key = source:match("^s3://[^/]+/?(.*)$")
  if key == "" or key:sub(-1) == "/" then return "." end
  return require("finspace.verbs.download").file_name(key)
end

local function show(out)
  return function(event) out:redraw(("  %s  %s"):format(text.bytes(event.bytes), printable.line(event.path))) end
end

local function tell(out, files, bytes)
  out:note(("Downloaded %s, %s."):format(text.count(files, "file"), text.bytes(bytes)))
  if out.json then
    out:print_json(json.object { { "files", ("%d"):format(files) }, { "bytes", ("%.0f"):format(bytes) } })
  end
  return 0
end

local function perform(fs, options, out)
  local target = options.target or default_target(options.source)
  if not target then return out:misuse("the key's last part is no name for a file: name the target") end
  local done, err = fs:download {
    source = options.source,
    to = target,
    on_progress = show(out),
    cancel = interrupt.requested,
  }
  if not done then return out:fail(err) end
  return tell(out, done.files, done.bytes)
end

-- A view's files, as they are, with the keys that the view gives out; the only word is the folder.
local function bring_view(fs, options, out)
  local done, err = fs:read_view { dataset = options.dataset, view = options.view, folder = options.source or "." }
  if not done then return out:fail(err) end
  return tell(out, done.objects, done.bytes)
end

local function misuse(options)
  if options.dataset then return options.target and "with --dataset there is one word: the folder" end
  if options.view then return "--view is one of a dataset's: name it with --dataset" end
  if not (options.source or ""):match("^s3://[^/]+") then
    return "the source must be s3://bucket/key or s3://bucket/prefix/, or a view of --dataset"
  end
end

function get.run(options, out)
  local problem = misuse(options)
  if problem then return out:misuse(problem) end
  local fs = shared.client(options)
  if options.dataset then return bring_view(fs, options, out) end
  return interrupt.guard(function() return perform(fs, options, out) end)
end

return get
