--- Options that many commands share, and the client that they make.
local terminal = require("finspace.cli.terminal")
local values = require("finspace.cli.values")

local options = {}

--- The help of a command, which is a result as any other: that it could not be written is told.
--- @param command table an argparse command
function options.help(command)
  command:add_help {
    action = function()
      local out = terminal.new {}
      out:print(command:get_help())
      os.exit(out:finish() and 0 or 1)
    end,
  }
end

local function connection_option(command, name, sentence, argument, reader)
  return command:option(name, sentence):argname(argument):convert(reader(name))
end

--- Where to call, and with whose keys.
--- @param command table an argparse command
function options.connection(command)
  command:group(
    "Where to call",
    connection_option(command, "--profile", "Profile in ~/.aws/config.", "NAME", values.text),
    connection_option(command, "--region", "AWS region.", "NAME", values.region),
    connection_option(command, "--endpoint-url", "Another endpoint than Amazon's.", "URL", values.url),
    connection_option(command, "--s3-endpoint-url", "Another endpoint for S3.", "URL", values.url),
    connection_option(command, "--environment-id", "Take FinSpace's own keys of this environment.", "ID", values.text),
    connection_option(command, "--ca-file", "Trust only the authorities in this PEM file.", "FILE", values.file)
  )
end

--- The argument that names a dataset.
--- @param command table an argparse command
--- @param sentence? string
--- @return table argument
function options.dataset(command, sentence)
  return command
    :argument("dataset", sentence or "The dataset: its id, alias/…, or title.")
    :argname("DATASET")
    :convert(values.text("DATASET"))
end

--- How to speak.
--- @param command table
function options.output(command)
  command:group(
    "Output",
    command:flag("--json", "Print JSON, for programs."),
    command:flag("--quiet -q", "Print results and errors only.")
  )
end

--- A client as the options say.
--- @param chosen table what argparse made of the command line
--- @return finspace.Client
function options.client(chosen)
  return require("finspace").new {
    profile = chosen.profile,
    region = chosen.region,
    endpoint_url = chosen.endpoint_url,
    s3_endpoint_url = chosen.s3_endpoint_url or chosen.endpoint_url,
    environment_id = chosen.environment_id,
    ca_file = chosen.ca_file,
  }
end

return options
