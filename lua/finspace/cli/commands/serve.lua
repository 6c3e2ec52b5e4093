--- `finspace serve`
local service = require("finspace.cli.service")
local sys = require("finspace.sys")
local values = require("finspace.cli.values")

local serve = {}

function serve.define(command)
  command:option("--port", "Port to listen on (4510)."):convert(values.whole("--port", 1, 65535)):argname("N")
  command:option("--host", "Address to listen on (127.0.0.1)."):convert(values.text("--host")):argname("ADDRESS")
  command
    :option("--data", "Folder that keeps everything ($XDG_DATA_HOME/finspace, or ~/.local/share/finspace).")
    :convert(values.text("--data"))
    :argname("DIR")
  command
    :option("--region", "Region that the service plays (us-east-1).")
    :convert(values.region("--region"))
    :argname("NAME")
  command
    :option("--ingest-memory", "MiB of memory for reading what is loaded (a quarter of the machine's, 2048 at most).")
    :convert(values.whole("--ingest-memory", 128, 2 ^ 30))
    :argname("MIB")
  command
    :option("--ingest-disk", "MiB of temporary space for reading what is loaded (65536).")
    :convert(values.whole("--ingest-disk", 128, 2 ^ 30))
    :argname("MIB")
  command
    :option("--database", "PostgreSQL for the metadata of many machines, by its URL, or FINSPACE_DATABASE.")
    :convert(values.text("--database"))
    :argname("URL")
  command
    :option("--workers", "Processes that answer (2); 0 with --database: this node only ingests.")
    :convert(values.whole("--workers", 0, 256))
    :argname("N")
  command
    :option("--ingest-workers", "Processes that read what is loaded (1); with --database 0 or more.")
    :convert(values.whole("--ingest-workers", 0, 256))
    :argname("N")
  command
    :option("--store", "Bucket of an S3-compatible store with STS that keeps the bytes: s3://BUCKET/PREFIX.")
    :convert(values.text("--store"))
    :argname("URI")
  command
    :option("--store-role", "Role whose keys the store's STS gives users, each for their own prefix.")
    :convert(values.text("--store-role"))
    :argname("ARN")
  command
    :option("--store-endpoint", "Where the store's S3 is, when not at Amazon.")
    :convert(values.text("--store-endpoint"))
    :argname("URL")
  command
    :option("--store-sts-endpoint", "Where its STS is, when not at the same place.")
    :convert(values.text("--store-sts-endpoint"))
    :argname("URL")
  command
    :option("--tls-certificate", "Certificate, with its chain, to speak https with (PEM).")
    :convert(values.text("--tls-certificate"))
    :argname("FILE")
  command:option("--tls-key", "Its key (PEM)."):convert(values.text("--tls-key")):argname("FILE")
  command:flag("--insecure-plain-http", "Listen beyond this machine without TLS: keys and data can be read on the way.")
  command
    :option("--seal-key", "File with the key that seals secrets in the database; the same one for all nodes.")
    :convert(values.text("--seal-key"))
    :argname("FILE")
  command:epilog(
    "Example: finspace serve --data ./data\n\n"
      .. "It listens on loopback unless told otherwise, writes DIR/config and DIR/credentials for AWS\n"
      .. "tools, and says how to use them. Ctrl-C ends it; what was acknowledged is kept."
  )
end

-- Returns only when the service could not start: else this process has become it.
local function start(options)
  local module, missing = service.load()
  if not module then return missing end
  local _, problem = module.start {
    port = options.port,
    host = options.host,
    data = options.data,
    region = options.region,
    ingest_memory = options.ingest_memory,
    ingest_disk = options.ingest_disk,
    database = options.database,
    store = options.store,
    program = sys.realpath(arg and arg[0] or ""),
    tls_certificate = options.tls_certificate,
    tls_key = options.tls_key,
    insecure_plain_http = options.insecure_plain_http,
    seal_key = options.seal_key,
    store_role = options.store_role,
    store_endpoint = options.store_endpoint,
    store_sts_endpoint = options.store_sts_endpoint,
    workers = options.workers,
    ingest_workers = options.ingest_workers,
  }
  return problem
end

function serve.run(options, out)
  io.stderr:write(out:paint("red", "finspace: "), tostring(start(options)), "\n")
  return 1
end

return serve
