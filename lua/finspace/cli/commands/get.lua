--- `finspace get`, also `finspace download`
local interrupt = require("finspace.cli.interrupt")
local printable = require("finspace.printable")
local shared = require("finspace.cli.options")
local text = require("finspace.cli.text")

local get = {}

function get.define(command)
  command:argument("source", "s3://bucket/key, or s3://bucket/prefix/ for all below it."):argname("SOURCE")
  command:argument("target", "The file or folder (the key's last part, or this folder)."):args("?"):argname("TARGET")
  shared.connection(command)
  shared.output(command)
  command:epilog(
    "Example: finspace get s3://bucket/reports/2020.csv\n\n"
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
  out:note(("Downloaded %s, %s."):format(text.count(done.files, "file"), text.bytes(done.bytes)))
  if out.json then out:print_json(('{"files":%d,"bytes":%.0f}'):format(done.files, done.bytes)) end
  return 0
end

function get.run(options, out)
  if not options.source:match("^s3://[^/]+") then
    return out:misuse("the source must be s3://bucket/key or s3://bucket/prefix/")
  end
  local fs = shared.client(options)
  return interrupt.guard(function() return perform(fs, options, out) end)
end

return get
