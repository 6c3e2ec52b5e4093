--- Options that many commands share, and the client that they make.
local terminal = require("finspace.cli.terminal")

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

--- Where to call, and with whose keys.
--- @param command table an argparse command
function options.connection(command)
  command:group(
    "Where to call",
    command:option("--profile", "Profile in ~/.aws/config."):argname("NAME"),
    command:option("--region", "AWS region."):argname("NAME"),
    command:option("--endpoint-url", "Another endpoint than Amazon's."):argname("URL"),
    command:option("--s3-endpoint-url", "Another endpoint for S3."):argname("URL"),
    command:option("--environment-id", "Take FinSpace's own keys of this environment."):argname("ID"),
    command:option("--ca-file", "Trust only the authorities in this PEM file."):argname("FILE")
  )
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
