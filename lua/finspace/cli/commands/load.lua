--- `finspace load`
local interrupt = require("finspace.cli.interrupt")
local shared = require("finspace.cli.options")
local values = require("finspace.cli.values")

local load = {}

local EPILOG = [[
Examples:
  finspace load prices.csv --dataset "Daily prices"
  finspace load 'trades/2020-*.csv' --dataset alias/trades --change-type REPLACE
  finspace load --resume

A load that was cut off goes on when it is asked for again, or with --resume: what has arrived is
not sent again, and there is never more than one changeset of it.]]

local read_separator = values.separator("--format-param separator")

local function format_pair(text)
  local name, value = text:match("^([^=]+)=(.*)$")
  if not name then return nil, ("--format-param takes NAME=VALUE, not %q"):format(text) end
  local message
  if name == "separator" then
    value, message = read_separator(value)
  end
  return value and { name, value }, message
end

function load.define(command)
  command:argument("file", "Files, folders, or patterns in quotes."):args("*"):argname("FILE")
  command
    :option("--dataset -d", "The dataset: its id, alias/…, or title.")
    :convert(values.text("--dataset"))
    :argname("DATASET")
  command:flag("--create", "Create the dataset where there is none of that title or alias.")
  command
    :option("--change-type", "APPEND adds; REPLACE hides what came before (APPEND).")
    :choices({ "APPEND", "REPLACE" })
    :argname("TYPE")
  command:flag("--resume", "Go on with loads that were cut off; without FILE, with all of them.")
  command:flag("--keep", "When it fails, leave what is staged, to be resumed.")
  command:flag("--no-wait", "Return when the changeset is created.")
  command
    :option("--timeout", "Seconds to wait for the changeset (3600).")
    :convert(values.seconds("--timeout"))
    :argname("SECONDS")
  command:group(
    "Format, where it is not told rightly by the name and the first bytes",
    command:option("--format", "What the files hold."):choices({ "CSV", "JSON", "PARQUET", "XML" }):argname("FORMAT"),
    command
      :option("--separator", "Between the fields of a CSV; TAB for a tab.")
      :convert(values.separator("--separator"))
      :argname("CHAR"),
    command:flag("--header", "The first line of a CSV names the columns."),
    command:flag("--no-header", "The first line of a CSV is data."),
    command
      :option("--format-param", "Any other parameter of the format.")
      :count("*")
      :convert(format_pair)
      :argname("NAME=VALUE")
  )
  shared.connection(command)
  shared.output(command)
  command:epilog(EPILOG)
end

local function format_params(options)
  local params = {}
  for _, pair in ipairs(options.format_param or {}) do
    params[pair[1]] = pair[2]
  end
  params.separator = options.separator or params.separator
  if options.header then params.withHeader = "true" end
  if options.no_header then params.withHeader = "false" end
  return next(params) and params or nil
end

-- What fs:load takes, for each load that is asked for.
local function planned(fs, options)
  if #options.file == 0 then return require("finspace.verbs.load").unfinished(fs) end
  return {
    {
      file = options.file,
      dataset = options.dataset,
      change_type = options.change_type,
      format = options.format,
      format_params = format_params(options),
    },
  }
end

-- Options that mean nothing without a file to load, and those that only a CSV has.
local OF_FILES = { "dataset", "create", "change_type", "format", "separator", "header", "no_header" }
local OF_CSV = { "separator", "header", "no_header" }

local function ignored(options, names, why)
  for _, name in ipairs(names) do
    if options[name] then return ("--%s %s"):format(name:gsub("_", "-"), why) end
  end
end

-- What other tools take, and this one does not.
local function no_file_here(files)
  for _, file in ipairs(files) do
    if file == "-" then
      return "standard input cannot be loaded, because the load must be able to go on: write it to a file"
    end
    if file:find("^%a[%w+.-]*://") then
      return ("%s is elsewhere: only files of this machine are loaded"):format(file)
    end
  end
end

local function misuse_of(options)
  if #options.file == 0 and not options.resume then return "name a file to load (or use --resume)" end
  local elsewhere = no_file_here(options.file)
  if elsewhere then return elsewhere end
  if #options.file > 0 and not options.dataset then
    return "name the dataset by its title, alias/… or id: --dataset TITLE, and --create where there is none yet"
  end
  if options.header and options.no_header then return "--header and --no-header exclude each other" end
  if #options.file == 0 then
    return ignored(options, OF_FILES, "goes with a FILE; --resume alone goes on with all loads")
  end
  if (options.format or "CSV") ~= "CSV" then
    return ignored(options, OF_CSV, "is for CSV, not for " .. options.format)
  end
  return nil
end

-- The dataset that --create asks for, made only when the files are known to be good.
local function ensure_dataset(fs, plan)
  local selection, _, err = require("finspace.verbs.load").check(plan)
  if not selection then return nil, err end
  local wanted = plan.dataset
  return fs:ensure_dataset(
    wanted:sub(1, 6) == "alias/" and { alias = wanted, title = wanted:sub(7) } or { title = wanted }
  )
end

local function show_result(changeset, out)
  if out.json then
    out:print_json(require("finspace.core").json_encode("GetChangeset", "2021-12", changeset))
  elseif changeset.status == "SUCCESS" then
    out:print(changeset.changesetId)
  else
    out:print(("%s\t%s"):format(changeset.changesetId, changeset.status))
  end
end

local function explain(err, out)
  local status = out:fail(err)
  if err.resumable then
    out:note("What has arrived is kept. Go on with the same command, or with: finspace load --resume")
  end
  return status
end

local function run_one(fs, plan, options, out)
  if not out.quiet and not out.json then
    local watch = require("finspace.cli.progress").new(out)
    plan.on_progress = function(event) watch:show(event) end
  end
  plan.wait, plan.timeout, plan.keep = not options.no_wait, options.timeout, options.keep
  plan.cancel, plan.at_end = interrupt.requested, out.at_end
  local changeset, err = fs:load(plan)
  if not changeset then return explain(err, out) end
  show_result(changeset, out)
  return 0
end

function load.run(options, out)
  local misuse = misuse_of(options)
  if misuse then return out:misuse(misuse) end
  local fs = shared.client(options)
  return interrupt.guard(function()
    local plans, err = planned(fs, options)
    if plans and options.create then
      plans[1].dataset, err = ensure_dataset(fs, plans[1])
      if err then plans = nil end
    end
    if not plans then return out:fail(err) end
    if #plans == 0 then out:note("There is no load to go on with.") end
    local worst = 0
    for _, plan in ipairs(plans) do
      worst = math.max(worst, run_one(fs, plan, options, out))
    end
    return worst
  end)
end

return load
