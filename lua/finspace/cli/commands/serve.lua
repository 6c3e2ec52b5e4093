--- `finspace serve`
local service = require("finspace.cli.service")
local sys = require("finspace.sys")
local values = require("finspace.cli.values")

local serve = {}

local function whole(least, most)
  return function(name) return values.whole(name, least, most) end
end

-- Each: its name, what it takes, what it is for (its default), how it is read.
local OPTIONS = {
  { "--port", "N", "Port to listen on (4510).", whole(1, 65535) },
  { "--host", "ADDRESS", "Address to listen on (127.0.0.1).", values.text },
  {
    "--data",
    "DIR",
    "Folder that keeps everything ($XDG_DATA_HOME/finspace, or ~/.local/share/finspace).",
    values.text,
  },
  { "--region", "NAME", "Region that the service plays (us-east-1).", values.region },
  {
    "--ingest-memory",
    "MIB",
    "MiB of memory for reading what is loaded (a quarter of the machine's, 2048 at most).",
    whole(128, 2 ^ 30),
  },
  { "--ingest-disk", "MIB", "MiB of temporary space for reading what is loaded (65536).", whole(128, 2 ^ 30) },
  {
    "--database",
    "URL",
    "PostgreSQL for the metadata of many machines, by its URL, or FINSPACE_DATABASE.",
    values.text,
  },
  { "--workers", "N", "Processes that answer (2); 0 with --database: this node only ingests.", whole(0, 256) },
  { "--ingest-workers", "N", "Processes that read what is loaded (1); with --database 0 or more.", whole(0, 256) },
  {
    "--store",
    "URI",
    "Bucket of an S3-compatible store with STS that keeps the bytes: s3://BUCKET/PREFIX.",
    values.text,
  },
  { "--store-role", "ARN", "Role whose keys the store's STS gives users, each for their own prefix.", values.text },
  { "--store-endpoint", "URL", "Where the store's S3 is, when not at Amazon.", values.text },
  { "--store-sts-endpoint", "URL", "Where its STS is, when not at the same place.", values.text },
  {
    "--console-url",
    "URL",
    "Where people open the console, when not at this node's address: a load balancer, for example.",
    values.text,
  },
  { "--tls-certificate", "FILE", "Certificate, with its chain, to speak https with (PEM).", values.text },
  { "--tls-key", "FILE", "Its key (PEM).", values.text },
  {
    "--seal-key",
    "FILE",
    "File with the key that seals secrets in the database; the same one for all nodes.",
    values.text,
  },
}

function serve.define(command)
  for _, option in ipairs(OPTIONS) do
    local name, argument, purpose, reader = option[1], option[2], option[3], option[4]
    command:option(name, purpose):convert(reader(name)):argname(argument)
  end
  command:flag("--insecure-plain-http", "Listen beyond this machine without TLS: keys and data can be read on the way.")
  command:epilog(
    "Example: finspace serve --data ./data\n\n"
      .. "It listens on loopback unless told otherwise, writes DIR/config and DIR/credentials for AWS\n"
      .. "tools, and says how to use them. Ctrl-C ends it; what was acknowledged is kept."
  )
end

function serve.run(options, out)
  options.program = sys.realpath(arg and arg[0] or "")
  return service.become("start", options, out)
end

return serve
