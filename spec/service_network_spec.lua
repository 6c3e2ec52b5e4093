local certificates = require("spec.support.certificates")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("The service on a network #once", function()
  local folder

  setup(function() folder = support.temporary_folder() end)
  teardown(function() support.remove_folder(folder) end)

  local function problem_of(options, settings)
    local ok, problem = pcall(service.start, { options = options, settings = settings })
    if ok then problem.stop() end
    assert.is_false(ok)
    return problem
  end

  it("listens beyond this machine with TLS, or without where that is spelled out", function()
    local problem = problem_of { host = "0.0.0.0" }
    assert.matches("give --tls-certificate FILE and --tls-key FILE, or say --insecure-plain-http", problem, 1, true)
    local plain = service.start { options = { host = "0.0.0.0", insecure_plain_http = true } }
    assert.truthy(plain.call("ListDatasets"))
    plain.stop()
  end)

  it("speaks https with the certificate that it was given, and says so to who does not", function()
    local leaf = certificates.authority(folder, "authority").issue("localhost", "DNS:localhost,IP:127.0.0.1")
    local running = service.start { options = { tls_certificate = leaf.certificate, tls_key = leaf.key } }
    local url = ("https://127.0.0.1:%d/-/health"):format(running.port)
    local said = support.run(("curl -sS --cacert %s %s"):format(folder .. "/authority/ca.pem", url))
    assert.matches('{"ready":true}', said, 1, true)
    assert.matches("endpoint_url = https://127.0.0.1:", support.read_file(running.data .. "/config"), 1, true)
    local plain = support.run(("curl -sS http://127.0.0.1:%d/datasetsv2"):format(running.port))
    assert.matches("this port speaks https", plain, 1, true)
    running.stop()
  end)

  it("says what is wrong with the files of TLS", function()
    support.write_file(folder .. "/text", "no PEM")
    assert.matches("belong together", problem_of { tls_key = folder .. "/text" }, 1, true)
    local files = { tls_certificate = folder .. "/none", tls_key = folder .. "/text" }
    assert.matches("--tls-certificate: cannot read " .. folder .. "/none", problem_of(files), 1, true)
    files.tls_certificate = folder .. "/text"
    assert.matches("text holds no PEM", problem_of(files), 1, true)
  end)

  describe("with a seal key", function()
    local key, running

    setup(function()
      key = folder .. "/seal-key"
      support.write_file(key, ("0123456789abcdef"):rep(4) .. "\n")
      running = service.start { options = { seal_key = key } }
    end)
    teardown(function() running.stop() end)

    it("keeps no secret in its database that signs anything", function()
      local made = assert(running.call("GetProgrammaticAccessCredentials", { environmentId = "local" })).credentials
      assert.truthy(running.call("ListDatasets", {}, {
        access_key_id = made.accessKeyId,
        secret_access_key = made.secretAccessKey,
        session_token = made.sessionToken,
      }))
      local dump = running.sql("SELECT * FROM access_keys; SELECT * FROM settings;")
      assert.is_nil(dump:find(made.secretAccessKey, 1, true))
      assert.is_nil(dump:find(running.credentials.secret_access_key, 1, true))
      assert.matches("page_key|sealed:1:", dump, 1, true)
    end)

    it("is refused with another key, and without one", function()
      local other = folder .. "/other-key"
      support.write_file(other, ("x"):rep(40))
      local data = running.data
      running.kill()
      local function refusal(options)
        local ok, problem = pcall(service.start, { data = data, options = options })
        if ok then problem.stop() end
        assert.is_false(ok)
        return problem
      end
      assert.matches("sealed with another key", refusal { seal_key = other }, 1, true)
      assert.matches("secrets are sealed", refusal {}, 1, true)
      support.write_file(other, "short")
      assert.matches("at least 32 characters", refusal { seal_key = other }, 1, true)
      running.restart()
      assert.truthy(running.call("ListDatasets"))
    end)

    it("seals what was kept as it is", function()
      local first = service.start()
      assert.matches(first.credentials.secret_access_key, first.sql("SELECT secret FROM access_keys"), 1, true)
      first.options.seal_key = key
      first.restart()
      assert.is_nil(first.sql("SELECT secret FROM access_keys"):find(first.credentials.secret_access_key, 1, true))
      assert.truthy(first.call("ListDatasets"))
      first.stop()
    end)
  end)
end)

describe("The service, watched #once", function()
  local running

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function get(path, method)
    local text = ("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):format(method or "GET", path)
    return service.send_text(running.port, text, method)
  end

  local function metrics() return get("/-/metrics").body end

  -- Waits until what other processes counted is shared.
  local function await(line)
    local text
    for _ = 1, 500 do
      text = metrics()
      if text:find(line, 1, true) then return end
      sys.sleep(0.01)
    end
    assert.matches(line, text, 1, true)
  end

  it("says that it is ready, to anybody", function()
    local answer = get("/-/health")
    assert.equal(200, answer.status)
    assert.equal('{"ready":true}\n', answer.body)
    assert.equal(200, get("/-/health", "HEAD").status)
  end)

  it("counts calls by operation and status, and how long they took", function()
    assert(running.call("ListDatasets"))
    running.call("GetDataset", { datasetId = "nothing" })
    running.ask { service = "s3", path = "/finspace-local/nothing" }
    running.ask { method = "POST", path = "/", service = "sts", body = "Action=GetCallerIdentity" }
    await('finspace_calls_total{operation="ListDatasets",status="200"} 1')
    await('finspace_calls_total{operation="GetDataset",status="404"} 1')
    await('finspace_calls_total{operation="s3:GetObject",status="404"} 1')
    await('finspace_calls_total{operation="sts:GetCallerIdentity",status="200"} 1')
    await('finspace_call_seconds_bucket{operation="ListDatasets",le="+Inf"} 1')
    await('finspace_call_seconds_count{operation="ListDatasets"} 1')
    await('finspace_jobs{kind="changeset",state="waiting"} 0')
    await("finspace_ready 1")
  end)

  it("counts rows and bytes that were read", function()
    local changeset = running.ingest(running.dataset(), running.put("scratch/rows.csv", "a,b\n1,2\n3,4\n"))
    assert.equal("SUCCESS", changeset.status)
    await("finspace_ingested_rows_total 2")
    await("finspace_ingested_bytes_total 12")
  end)

  it(
    "writes the form that Prometheus reads: a help and a type a family, a value a line, no name from outside",
    function()
      get('/x"y\\z')
      for line in metrics():gmatch("[^\n]+") do
        assert.truthy(
          line:find("^# HELP [%w_]+ .")
            or line:find("^# TYPE [%w_]+ %l+$")
            or line:find("^[%w_]+ [%d%.e+-]+$")
            or line:find('^[%w_]+{[%w_]+="[%w:+%.]+"[^}]*} [%d%.e+-]+$'),
          line
        )
      end
      assert.is_nil(metrics():find("z", 1, true) and metrics():find("\\", 1, true))
    end
  )
end)
