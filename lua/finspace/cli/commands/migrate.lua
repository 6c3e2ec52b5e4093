--- `finspace migrate`
local service = require("finspace.cli.service")
local values = require("finspace.cli.values")

local migrate = {}

function migrate.define(command)
  local function option(name, says, argument)
    return command:option(name, says):convert(values.text(name)):argname(argument)
  end
  option("--from", "Folder of the service of one machine, which must be stopped.", "DIR"):count(1)
  option("--database", "PostgreSQL that gets its metadata, by its URL, or FINSPACE_DATABASE.", "URL")
  option("--store", "Bucket that gets its bytes: s3://BUCKET/PREFIX.", "URI"):count(1)
  option("--store-role", "Role whose keys the store's STS gives users.", "ARN"):count(1)
  option("--store-endpoint", "Where the store's S3 is, when not at Amazon.", "URL")
  option("--store-sts-endpoint", "Where its STS is, when not at the same place.", "URL")
  option("--seal-key", "File with the key that seals secrets in the database, as the nodes have it.", "FILE")
  command:epilog(
    "Example: finspace migrate --from ./data --database postgresql://finspace@db/finspace \\\n"
      .. "  --store s3://lake/finspace --store-role arn:aws:iam::123456789012:role/finspace\n\n"
      .. "Bytes go first and are verified by their SHA-256, then all metadata in one transaction, compared row by\n"
      .. "row. The folder stays as it is. Cut off anywhere, it goes on when it is run again."
  )
end

function migrate.run(options, out)
  options.database = options.database or os.getenv("FINSPACE_DATABASE")
  return service.become("migrate", options, out)
end

return migrate
