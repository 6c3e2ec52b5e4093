--- The command line, `finspace`: one command a file in `finspace.cli.commands`.
---
--- Exit status: 0 done, 1 the world failed, 2 misuse, 130 interrupted. Only the command that is asked
--- for is loaded, so that a small one starts in milliseconds.
local printable = require("finspace.printable")
local terminal = require("finspace.cli.terminal")

local cli = {}

--- All commands, in the order that help shows them.
cli.COMMANDS = {
  { name = "load", summary = "Load files into a dataset, as one changeset." },
  { name = "wait", summary = "Wait until a changeset has succeeded or failed." },
  { name = "ls", summary = "List datasets, a dataset's changesets or views, or files in S3." },
  { name = "show", summary = "Show a dataset, a changeset or a view." },
  { name = "get", summary = "Download files from S3." },
  { name = "call", summary = "Call any operation of the service." },
  { name = "presign", summary = "Make a URL that calls an operation without keys, for a while." },
  { name = "whoami", summary = "Tell where keys, region and endpoint come from." },
  { name = "keys", summary = "Print the keys that are used, as other AWS tools take them from a process." },
  { name = "serve", summary = "Run a FinSpace-compatible service on this machine." },
  { name = "migrate", summary = "Move a service of one machine into one that many machines share." },
  { name = "console", summary = "Open the service's web page, signed in as its owner." },
  { name = "completion", summary = "Print the completion for bash or zsh." },
  { name = "version", summary = "Print the version." },
}
local ALIASES = { download = "get" }

local DONE, FAILED, MISUSE = 0, 1, 2

local function load_argparse()
  local found, argparse = pcall(require, "argparse")
  if found then return argparse end
  return nil,
    "argparse is not installed, and the command line needs it. Install it with "
      .. "`apt-get install lua-argparse` or `luarocks install argparse`."
end

local function command_module(name) return require("finspace.cli.commands." .. name) end

local function is_command(name)
  for _, command in ipairs(cli.COMMANDS) do
    if command.name == name or ALIASES[name] == command.name then return command.name end
  end
  return nil
end

-- The command that is asked for: the first word that names one.
local function chosen_command(arguments)
  for _, word in ipairs(arguments) do
    if word:sub(1, 1) ~= "-" then return is_command(word) end
  end
  return nil
end

local EPILOG = [[
Every command has help with an example: finspace load --help, or finspace help load

Settings come from options, then from the environment (AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL_FINSPACE_DATA …), then from ~/.aws/config, as with the AWS CLI.]]

-- What a command gets: its options, the terminal to speak through, and what makes the whole parser.
local function run(name, options)
  local out = terminal.new { command = name, json = options.json, quiet = options.quiet }
  local status = command_module(name).run(options, out, cli.parser) or DONE
  return out:finish() and status or math.max(status, FAILED)
end

--- The parser, with one command or all of them defined whole.
--- @param argparse table
--- @param only? string  the command to define; all when absent
--- @param arguments? string[]  what is being parsed
--- @return table parser
function cli.parser(argparse, only, arguments)
  local shared = require("finspace.cli.options")
  local parser = argparse("finspace", "Load data into Amazon FinSpace, or into what stands in for it.", EPILOG)
  parser:require_command(true):command_target("command")
  shared.help(parser)
  parser:flag("--version -v", "Print the version and exit."):action(function()
    run("version", {})
    os.exit(DONE)
  end)
  for _, entry in ipairs(cli.COMMANDS) do
    local names = entry.name == "get" and "get download" or entry.name
    local command = parser:command(names):summary(entry.summary):description(entry.summary)
    shared.help(command)
    if not only or only == entry.name then command_module(entry.name).define(command, arguments) end
  end
  return parser
end

-- argparse takes `-1` for an option: behind one that wants a value it is that value.
local function join_negative_numbers(arguments)
  local words = {}
  for _, word in ipairs(arguments) do
    local before = words[#words]
    if word:find("^%-%.?%d") and before and before:find("^%-%-[^=]+$") then
      words[#words] = before .. "=" .. word
    else
      words[#words + 1] = word
    end
  end
  return words
end

-- `finspace help load` is `finspace load --help`.
local function as_option(arguments)
  if arguments[1] ~= "help" then return arguments end
  return { arguments[2] or "--help", arguments[2] and "--help" }
end

local TAKES_OPERATION = { call = true, presign = true }

-- The command whose help explains what was typed: with `call`, the operation's own.
local function command_to_explain(name, arguments)
  local operation = TAKES_OPERATION[name] and require("finspace.cli.members").named_in(arguments)
  return operation and name .. " " .. operation or name
end

local function explain_misuse(message, name, arguments)
  if TAKES_OPERATION[name] then
    message = message
      :gsub("^unknown command", "unknown operation")
      :gsub("^a command is required", "name an operation, for example list-datasets")
  end
  local command = name and command_to_explain(name, arguments) .. " " or ""
  io.stderr:write("finspace: ", printable.text(message), "\nTry `finspace ", command, "--help`.\n")
  return MISUSE
end

-- The commonest question takes no options, and so no parser: making that one is half of what it would cost.
local ASKS_VERSION = { version = true, ["--version"] = true, ["-v"] = true }

--- Runs one command line.
--- @param arguments string[]  the words after the program's name
--- @return integer status for the shell
function cli.main(arguments)
  if #arguments == 1 and ASKS_VERSION[arguments[1]] then return run("version", {}) end
  local argparse, missing = load_argparse()
  if not argparse then
    io.stderr:write("finspace: ", missing, "\n")
    return 1
  end
  arguments = join_negative_numbers(as_option(arguments))
  local name = chosen_command(arguments)
  local parser = cli.parser(argparse, name or "none", arguments)
  local well, result = parser:pparse(arguments)
  if not well then return explain_misuse(result, name, arguments) end
  return run(is_command(result.command), result)
end

return cli
