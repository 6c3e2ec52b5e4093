--- `finspace wait`
local interrupt = require("finspace.cli.interrupt")
local shared = require("finspace.cli.options")
local values = require("finspace.cli.values")

local wait = {}

function wait.define(command)
  shared.dataset(command)
  command:argument("changeset", "The changeset's id."):argname("CHANGESET")
  command:option("--timeout", "Seconds to wait (3600)."):convert(values.seconds("--timeout")):argname("SECONDS")
  shared.connection(command)
  shared.output(command)
  command:epilog("Example: finspace wait alias/trades mr8ja33872mz --timeout 600")
end

local function perform(fs, options, out)
  local dataset, err = fs:find_dataset { dataset = options.dataset }
  if not dataset then return out:fail(err) end
  local changeset
  changeset, err = fs:wait_changeset {
    datasetId = dataset.datasetId,
    changesetId = options.changeset,
    timeout = options.timeout,
    cancel = interrupt.requested,
    on_status = function(status) out:note(status) end,
  }
  if not changeset then return out:fail(err) end
  if out.json then out:print_json(require("finspace.core").json_encode("GetChangeset", "2021-12", changeset)) end
  return 0
end

function wait.run(options, out)
  local fs = shared.client(options)
  return interrupt.guard(function() return perform(fs, options, out) end)
end

return wait
