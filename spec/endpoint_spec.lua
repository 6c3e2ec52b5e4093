local config = require("finspace.config")
local core = require("finspace.core")
local endpoint = require("finspace.endpoint")
local machine = require("spec.support.machine")
local support = require("spec.support")

local CONFIG = "/home/me/.aws/config"

local function resolve(given)
  local env = given.env or {}
  env.HOME = "/home/me"
  local runtime = machine.new { env = env, files = { [CONFIG] = given.file } }
  return endpoint.resolve(runtime, config.reader(runtime, { profile = given.profile }), {
    service = given.service or "finspace_data",
    region = given.region,
    endpoint_url = given.endpoint_url,
    ignore_configured_endpoint_urls = given.ignore,
  })
end

describe("an endpoint", function()
  it("is the option, the service's variable, the general one, the services section, the profile, the rule", function()
    local file = "[default]\nregion = us-east-1\nservices = s\nendpoint_url = http://profile\n"
      .. "[services s]\nfinspace_data =\n  endpoint_url = http://section\n"
    local env = { AWS_ENDPOINT_URL_FINSPACE_DATA = "http://service", AWS_ENDPOINT_URL = "http://general" }
    assert.are.equal("http://option", resolve({ env = env, file = file, endpoint_url = "http://option" }).url)
    assert.are.equal("http://service", resolve({ env = env, file = file }).url)
    env.AWS_ENDPOINT_URL_FINSPACE_DATA = nil
    assert.are.equal("http://general", resolve({ env = env, file = file }).url)
    env.AWS_ENDPOINT_URL = nil
    assert.are.equal("http://section", resolve({ env = env, file = file }).url)
    assert.are.equal("http://profile", resolve({ env = env, file = file, service = "s3" }).url)
    env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "TRUE"
    assert.are.equal("https://finspace-api.us-east-1.amazonaws.com", resolve({ env = env, file = file }).url)
    assert.are.equal("http://option", resolve({ env = env, file = file, endpoint_url = "http://option" }).url)
  end)

  it("has the host with its port, the base path and the scheme apart", function()
    local cases = {
      ["http://127.0.0.1:4510"] = { "http", "127.0.0.1:4510", 4510, "" },
      ["https://Example.com/"] = { "https", "Example.com", 443, "" },
      ["https://example.com:443/base/path/"] = { "https", "example.com", 443, "/base/path" },
      ["http://example.com:80"] = { "http", "example.com", 80, "" },
      ["http://[::1]:8080/x"] = { "http", "[::1]:8080", 8080, "/x" },
      ["HTTPS://[fd00:ec2::23]"] = { "https", "[fd00:ec2::23]", 443, "" },
      ["http://my_service:1"] = { "http", "my_service:1", 1, "" },
    }
    for text, parts in pairs(cases) do
      local found = assert(resolve { endpoint_url = text })
      assert.are.same(parts, { found.scheme, found.host, found.port, found.path })
      assert.is_true(found.custom)
    end
  end)

  it("is refused, unshown and with the name of who gave it, where it is no clean http URL", function()
    local refused = {
      "finspace",
      "ftp://h",
      "http://",
      "http://user:canary@h",
      "http://h?canary",
      "http://h#canary",
      "http://h:0",
      "http://h:65536",
      "http://h:x",
      "http://h canary",
      "http://h\r\nx: canary",
      "http://[::1",
      "http://[canary]",
      "http://a..b",
      "http://h\\canary",
      "http://-h",
      "http://h:123456",
      "//h",
      "http:/h",
    }
    for _, text in ipairs(refused) do
      local found, err = resolve { env = { AWS_ENDPOINT_URL = text } }
      assert.is_nil(found, text)
      assert.are.equal("InvalidEndpoint", err.code)
      assert.matches("^AWS_ENDPOINT_URL ", err.message)
      assert.is_nil(err.message:find("canary", 1, true))
    end
  end)

  it("names the file and line of a profile's bad endpoint", function()
    local _, err = resolve { file = "[default]\nendpoint_url = nowhere\n" }
    assert.matches("endpoint_url in /home/me/.aws/config line 2", err.message, 1, true)
    _, err = resolve { file = "[default]\nservices = s\n[services s]\nfinspace_data =\n  endpoint_url = nowhere\n" }
    assert.matches("endpoint_url below 'finspace_data =' in /home/me/.aws/config line 4", err.message, 1, true)
    _, err = resolve { file = "[default]\nservices = gone\n" }
    assert.are.equal("MissingServicesSection", err.code)
    assert.matches("/home/me/.aws/config line 2", err.message, 1, true)
  end)

  it("of S3, STS and single sign-on follow their own rules", function()
    local env = { AWS_REGION = "eu-west-1" }
    assert.are.equal("https://s3.eu-west-1.amazonaws.com", resolve({ env = env, service = "s3" }).url)
    assert.are.equal("https://sts.eu-west-1.amazonaws.com", resolve({ env = env, service = "sts" }).url)
    assert.are.equal("https://portal.sso.eu-west-1.amazonaws.com", resolve({ env = env, service = "sso" }).url)
    assert.are.equal("https://oidc.eu-west-1.amazonaws.com", resolve({ env = env, service = "sso_oidc" }).url)
    env.AWS_USE_DUALSTACK_ENDPOINT = "true"
    assert.are.equal("https://s3.dualstack.eu-west-1.amazonaws.com", resolve({ env = env, service = "s3" }).url)
    assert.are.equal("https://sts.eu-west-1.api.aws", resolve({ env = env, service = "sts" }).url)
    env.AWS_USE_FIPS_ENDPOINT = "true"
    assert.are.equal("https://s3-fips.dualstack.eu-west-1.amazonaws.com", resolve({ env = env, service = "s3" }).url)
  end)

  it("has the suffixes of every partition, also where botocore's older versions know others", function()
    for region, suffixes in pairs {
      ["cn-north-1"] = { "amazonaws.com.cn", "api.amazonwebservices.com.cn" },
      ["eusc-de-east-1"] = { "amazonaws.eu", "api.amazonwebservices.eu" },
      ["us-gov-west-1"] = { "amazonaws.com", "api.aws" },
      ["us-iso-east-1"] = { "c2s.ic.gov" },
      ["us-isob-east-1"] = { "sc2s.sgov.gov" },
      ["eu-isoe-west-1"] = { "cloud.adc-e.uk" },
      ["us-isof-south-1"] = { "csp.hci.ic.gov" },
    } do
      for i, suffix in ipairs(suffixes) do
        local env = { AWS_REGION = region, AWS_USE_DUALSTACK_ENDPOINT = tostring(i == 2) }
        assert.are.equal(("https://finspace-api.%s.%s"):format(region, suffix), resolve({ env = env }).url)
      end
    end
  end)

  it("takes nothing but true and false for a switch", function()
    local found, err = resolve { env = { AWS_REGION = "eu-west-1", AWS_USE_FIPS_ENDPOINT = "yes" } }
    assert.is_nil(found)
    assert.matches("^AWS_USE_FIPS_ENDPOINT is neither true nor false", err.message)
  end)
end)

describe("endpoints' published cases", function()
  local shared = support.shared()

  local function decode(path)
    local text = shared and support.read_file(shared .. "/vectors/" .. path)
    return text and core.decode(text)
  end

  local rules = decode("endpoints/endpoint-tests-1.json")
  if not rules then
    it("holds on others' vectors", function() pending("others' vectors are not beside this checkout (../shared)") end)
    return
  end

  for number, case in ipairs(rules.testCases) do
    it(("rule %d: %s"):format(number, case.documentation), function()
      local params = case.params or {}
      local found, err = resolve {
        region = params.Region,
        endpoint_url = params.Endpoint,
        env = {
          AWS_USE_FIPS_ENDPOINT = tostring(params.UseFIPS or false),
          AWS_USE_DUALSTACK_ENDPOINT = tostring(params.UseDualStack or false),
        },
      }
      if case.expect.error then
        assert.is_nil(found)
        assert.are.equal("config", err.kind)
      else
        assert.are.equal(case.expect.endpoint.url, found and found.url or tostring(err))
      end
    end)
  end

  local function write_sections(lines, prefix, sections, nested)
    for name, settings in pairs(sections) do
      table.insert(lines, ("[%s%s]"):format(prefix, name))
      for key, value in pairs(settings) do
        if nested then
          table.insert(lines, key .. " =")
          for inner, text in pairs(value) do
            table.insert(lines, "  " .. inner .. " = " .. text)
          end
        else
          table.insert(lines, key .. " = " .. value)
        end
      end
    end
  end

  for _, suite in ipairs(decode("configured-endpoint-urls/profile-tests.json").testSuites) do
    local lines = {}
    write_sections(lines, "profile ", suite.profiles)
    write_sections(lines, "services ", suite.services, true)
    local file = table.concat(lines, "\n")
    for number, case in ipairs(suite.endpointUrlTests) do
      it(("configured %d: %s"):format(number, case.name), function()
        local env = {}
        for name, value in pairs(suite.environments[case.environment]) do
          env[name] = value
        end
        local client = suite.client_configs[case.client_config]
        local found = assert(resolve {
          file = file,
          profile = case.profile,
          env = env,
          service = case.service,
          endpoint_url = client.endpoint_url,
          ignore = client.ignore_configured_endpoint_urls,
        })
        assert.are.equal(case.output.endpointUrl, found.url)
      end)
    end
  end
end)
