local certificates = require("spec.support.certificates")
local hosts = require("spec.support.hosts")
local nginx = require("spec.support.nginx")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local PATHS = "/usr/share/lua/5.1/?.lua;" .. support.root .. "/lua/?.lua;" .. support.root .. "/lua/?/init.lua"

local function curl(arguments) return (support.run("curl -s --max-time 20 " .. arguments)) end

describe("in nginx", function()
  local server, port, tls_port, authorities

  local LOCATIONS = [[
    init_by_lua_block {
      transport = require("finspace.host.transport.resty").new()
      finspace = require("finspace")
      client = finspace.new { region = "us-east-1", endpoint_url = "http://127.0.0.1:1" }
      function try(url, transport_of)
        local response, err = (transport_of or transport) { method = "GET", url = url, timeout = 3 }
        return response and response.status or err.kind .. " " .. err.code .. " " .. err.message
      end
      local tried = {
        call = function() return select(2, client:get_working_location { locationType = "INGESTION" }) end,
        spawn = function() finspace.spawn(function() end) end,
        gather = function() finspace.gather { function() end } end,
        run = function() finspace.run(function() end) end,
        sleep = function() finspace.sleep(0.001) end,
      }
      said = {}
      -- What each of them says in this phase.
      function note()
        local words, phase = {}, ngx.get_phase()
        for name, try in pairs(tried) do
          local _, err = pcall(try)
          words[#words + 1] = name .. ":" .. err.kind .. ":" .. err.code .. ":" .. (err.message:match(phase .. " phase") or "")
        end
        table.sort(words)
        said.message = tried.call().message
        said[phase] = table.concat(words, "\n")
      end
      note()
    }
    init_worker_by_lua_block { note() }
    upstream chosen {
      server 0.0.0.1;
      balancer_by_lua_block {
        note()
        require("ngx.balancer").set_current_peer("127.0.0.1", %d)
      }
    }
    server {
      listen 127.0.0.1:%d ssl;
      ssl_certificate %s;
      ssl_certificate_key %s;
      ssl_certificate_by_lua_block { said.ssl_cert = tostring(try("http://127.0.0.1:%d/loaded")) }
      return 200;
    }
    server {
      listen 127.0.0.1:%d;
      location /said { content_by_lua_block { ngx.print(said[ngx.var.arg_phase]) } }
      location /balancer { proxy_pass http://chosen/loaded; }
      location /filters {
        set_by_lua_block $nothing { note() return "" }
        content_by_lua_block { ngx.say("filtered") }
        header_filter_by_lua_block { note() }
        body_filter_by_lua_block { note() }
        log_by_lua_block { note() }
      }
      location /content { content_by_lua_block { ngx.say(try(ngx.var.arg_url)) } }
      location /rewrite { rewrite_by_lua_block { ngx.say(try(ngx.var.arg_url)) ngx.exit(200) } }
      location /access { access_by_lua_block { ngx.say(try(ngx.var.arg_url)) ngx.exit(200) } }
      location /timer { content_by_lua_block {
        local answer
        ngx.timer.at(0, function(_, url) answer = try(url) end, ngx.var.arg_url)
        while not answer do ngx.sleep(0.005) end
        ngx.say(answer)
      } }
      location /told { content_by_lua_block {
        local function culprit() error("told " .. ngx.var.arg_how) end
        if ngx.var.arg_how == "heard" then
          finspace.gather { culprit, function() ngx.sleep(0.01) culprit() end }
          finspace.spawn(culprit):wait()
        else
          finspace.spawn(culprit)
          ngx.sleep(0.05)
        end
        ngx.say("lived on")
      } }
      location /cancelled { content_by_lua_block {
        local rounds, waits = 0, {
          function() finspace.sleep(0.001) end,
          function() pcall(finspace.sleep, 0) end,
          function() ngx.sleep(60) end,
          function() try("http://127.0.0.1:%d/hang") end,
          function() finspace.gather { function() ngx.sleep(60) end } end,
        }
        for number, wait in ipairs(waits) do
          local cancelled = false
          local task = finspace.spawn(function()
            while true do
              rounds = rounds + (cancelled and 1 or 0)
              wait()
            end
          end)
          ngx.sleep(0.01)
          cancelled = true
          finspace.spawn(function() task:cancel() end):wait() -- not its parent
          local _, err = task:wait()
          ngx.print(number, err.kind, " ")
        end
        ngx.say(rounds < 100)
      } }
      location /hang { content_by_lua_block { ngx.sleep(60) } }
      location /loaded { content_by_lua_block {
        require("finspace.core")
        ngx.say(tostring(package.loaded["finspace.core"] ~= nil), tostring(package.loaded["finspace.http"]))
      } }
      location /keys { content_by_lua_block {
        local _, err = client:get_working_location { locationType = "INGESTION" }
        ngx.say(tostring(err))
      } }
      location /option { content_by_lua_block {
        ngx.say(try("https://localhost/", require("finspace.host.transport.resty").new { ca_file = "x" }))
        ngx.say(try("https://localhost/", require("finspace.host.transport.resty").new { proxy = "http://x" }))
      } }
      location /tasks { content_by_lua_block {
        local started = ngx.now()
        local results = finspace.run(function()
          local jobs = { limit = 8 }
          for i = 1, 16 do jobs[i] = function() finspace.sleep(0.05) return i end end
          return finspace.gather(jobs)
        end)
        ngx.update_time()
        ngx.say(#results, " ", ngx.now() - started < 0.5)
      } }
      location /raise { content_by_lua_block {
        local _, errs = finspace.gather { function() error("boom") end, function() return 1 end }
        ngx.say(errs[1].code, " ", (errs[1].message:match("boom")))
      } }
    }
  ]]

  setup(function()
    port, tls_port, authorities = support.free_port(), support.free_port(), support.temporary_folder()
    local leaf = certificates.authority(authorities, "own").issue("good", "DNS:localhost")
    local http = LOCATIONS:format(port, tls_port, leaf.certificate, leaf.key, port, port, port)
    server = nginx.start("", { ports = { port, tls_port }, http = http, package_path = PATHS })
  end)

  teardown(function()
    server.stop()
    support.remove_folder(authorities)
  end)

  local function get(path) return (curl("-G http://127.0.0.1:" .. port .. path):gsub("%s+$", "")) end

  it("a call works wherever cosockets do", function()
    for _, phase in ipairs { "content", "rewrite", "access", "timer" } do
      assert.equal("200", get(("/%s?url=http://127.0.0.1:%d/loaded"):format(phase, port)))
    end
  end)

  it("a call where they do not work names the phases where they do", function()
    get("/filters")
    local said = get("/said?phase=log")
    assert.matches("call:config:PhaseForbidden:log phase", said, 1, true)
    assert.matches("call from rewrite_by_lua, access_by_lua, content_by_lua", get("/said?phase=message"), 1, true)
  end)

  for _, phase in ipairs { "init", "init_worker", "set", "balancer", "header_filter", "body_filter", "log" } do
    it(("the %s phase cannot wait: calls, spawn, gather, run and sleep say it in one way"):format(phase), function()
      get(phase == "balancer" and "/balancer" or "/filters")
      local wanted = {}
      for _, name in ipairs { "call", "gather", "run", "sleep", "spawn" } do
        wanted[#wanted + 1] = ("%s:config:PhaseForbidden:%s phase"):format(name, phase)
      end
      assert.equal(table.concat(wanted, "\n"), get("/said?phase=" .. phase))
    end)
  end

  it("a call works while a certificate is chosen", function()
    curl("-k https://127.0.0.1:" .. tls_port)
    assert.equal("200", get("/said?phase=ssl_cert"))
  end)

  it("a failed task is told in the log with its traceback, unless somebody asks for it", function()
    assert.equal("lived on", get("/told?how=unheard"))
    assert.equal("lived on", get("/told?how=heard"))
    assert.matches("nobody waits for failed.*told unheard.*stack traceback:.*nginx.conf", server.errors())
    assert.is_nil(server.errors():find("told heard", 1, true))
  end)

  it(
    "a cancelled task ends at its next wait, whatever that is, and whoever cancels it",
    function() assert.equal("1cancelled 2cancelled 3cancelled 4cancelled 5cancelled true", get("/cancelled")) end
  )

  it("loads the signer and never curl", function() assert.equal("truenil", get("/loaded")) end)

  it(
    "a name without a resolver names the directive",
    function() assert.matches("^config NoResolver .*`resolver`", get("/content?url=http://finspace.example/")) end
  )

  it("options that nginx cannot follow name what can", function()
    local answers = get("/option")
    assert.matches("config UnsupportedOption .*lua_ssl_trusted_certificate", answers)
    assert.matches("no proxy", answers)
  end)

  it("says that environment variables are hidden, and how to show them", function()
    local text = get("/keys")
    assert.matches("nginx hides environment variables", text)
    assert.matches("env AWS_ACCESS_KEY_ID;", text)
  end)

  describe("over TLS", function()
    local folder, secure, ports

    setup(function()
      folder = support.temporary_folder()
      local trusted = certificates.authority(folder, "trusted")
      local leaf = trusted.issue("good", "DNS:localhost,IP:127.0.0.1")
      ports = { support.free_port(), support.free_port(), support.free_port() }
      local SERVERS = [[
        init_by_lua_block {
          transport = require("finspace.host.transport.resty").new()
          function ask()
            local response, err = transport { method = "GET", url = "https://localhost:%d/", timeout = 5 }
            ngx.say(response and response.body or err.code)
          end
        }
        server {
          listen 127.0.0.1:%d ssl;
          ssl_certificate %s;
          ssl_certificate_key %s;
          location / { content_by_lua_block { ngx.print("connection ", ngx.var.connection) } }
        }
        server {
          listen 127.0.0.1:%d;
          lua_ssl_trusted_certificate %s;
          location /one { content_by_lua_block { ask() } }
          location /two { content_by_lua_block { ask() } }
          location /timer { content_by_lua_block {
            local said
            ngx.timer.at(0, function()
              local response, err = transport { method = "GET", url = "https://localhost:%d/", timeout = 5 }
              said = response and response.body or err.code
            end)
            while not said do ngx.sleep(0.005) end
            ngx.say(said)
          } }
        }
        server {
          listen 127.0.0.1:%d;
          location / { content_by_lua_block { ask() } }
          location /other { lua_ssl_trusted_certificate %s; content_by_lua_block { ask() } }
        }
      ]]
      local unknown = certificates.authority(folder, "unknown")
      secure = nginx.start("", {
        ports = ports,
        http = SERVERS:format(
          ports[1],
          ports[1],
          leaf.certificate,
          leaf.key,
          ports[2],
          trusted.file,
          ports[1],
          ports[3],
          unknown.file
        ),
        package_path = PATHS,
      })
    end)

    teardown(function()
      secure.stop()
      support.remove_folder(folder)
    end)

    local function ask(server_port, path)
      return (curl(("http://127.0.0.1:%d/%s"):format(server_port, path or "")):gsub("%s+$", ""))
    end

    it("keeps a connection for the location that verified it", function()
      local first = ask(ports[2], "one")
      assert.matches("^connection %d+$", first, nil, nil, secure.errors())
      assert.equal(first, ask(ports[2], "one"))
      assert.equal(ask(ports[2], "timer"), ask(ports[2], "timer"))
    end)

    it("gives no kept connection to a location that trusts nobody, or somebody else", function()
      for _ = 1, 3 do
        assert.matches("^connection %d+$", ask(ports[2], "one"))
        assert.equal("CertificateRefused", ask(ports[3]))
        assert.equal("CertificateRefused", ask(ports[3], "other"))
      end
    end)
  end)

  it("tasks run side by side in light threads", function()
    assert.equal("16 true", get("/tasks"))
    assert.equal("TaskFailed boom", get("/raise"))
  end)
end)

-- The example's configuration, with ports and paths of this run.
local function example(port, folder, environment)
  local text = support.read_file(support.root .. "/examples/openresty/nginx.conf")
  text = text:gsub("127%.0%.0%.1:8080", "127.0.0.1:" .. port):gsub("error_log stderr", "error_log " .. folder .. "/log")
  text = text:gsub("\nworker_processes 2;", "\nuser root;\nworker_processes 2;")
  support.write_file(folder .. "/nginx.conf", text)
  local argv = { "env", "FINSPACE_ROOT=" .. support.root }
  for name, value in pairs(environment) do
    argv[#argv + 1] = name .. "=" .. value
  end
  for _, word in ipairs { "nginx", "-p", folder, "-e", folder .. "/log", "-c", folder .. "/nginx.conf" } do
    argv[#argv + 1] = word
  end
  local pid = assert(support.start { argv = argv, stderr = folder .. "/stderr" })
  local ready, why = nginx.await_port(port, pid)
  assert(ready, why and (why .. (support.read_file(folder .. "/stderr") or "")))
  return pid
end

describe("the OpenResty examples #once", function()
  local backend, folder, port, pid

  setup(function()
    backend = service.start()
    folder, port = support.temporary_folder(), support.free_port()
    pid = example(port, folder, backend.env)
  end)

  teardown(function()
    nginx.end_process(pid)
    backend.stop()
    support.remove_folder(folder)
  end)

  local function url(path) return support.quote("http://127.0.0.1:" .. port .. path) end

  local function log() return support.read_file(folder .. "/log") or "" end

  local function create_dataset(title)
    local body = ('{"datasetTitle":"%s","kind":"TABULAR","permissionGroupParams":{}}'):format(title)
    return curl("-H 'Content-Type: application/json' -d " .. support.quote(body) .. " " .. url("/finspace/datasetsv2"))
  end

  it("the gateway signs and forwards", function()
    assert.matches('"datasetId"', create_dataset("Through the gateway"), nil, log())
    local listed = curl(url("/finspace/datasetsv2?maxResults=10"))
    assert.matches("Through the gateway", listed)
    local missing = curl("-D - " .. url("/finspace/datasetsv2/absent"))
    assert.matches("^HTTP/1.1 404", missing)
    assert.matches("ResourceNotFoundException", missing)
  end)

  it("the loader loads an uploaded CSV and reports progress", function()
    local path = support.write_file(folder .. "/prices.csv", "day,price\n2021-01-04,1.5\n2021-01-05,1.75\n")
    create_dataset("Uploads")
    local accepted = curl("--data-binary @" .. path .. " " .. url("/load?dataset=Uploads"))
    local id = accepted:match('"id":"(%d+)"')
    assert.is_string(id, accepted .. log())
    local report
    for _ = 1, 600 do
      report = curl(url("/load/" .. id))
      if report:find('"done"') or report:find('"failed"') then break end
      sys.sleep(0.1)
    end
    assert.matches('"status":"SUCCESS"', report)
    assert.matches("HTTP/1.1 400", curl("-D - -X POST " .. url("/load")))
    assert.matches("HTTP/1.1 404", curl("-D - " .. url("/load/999")))
  end)

  it("a reload under load loses no call", function()
    local pending = assert(
      io.popen(
        "for i in $(seq 40); do curl -s -o /dev/null -w '%{http_code} ' --max-time 20 "
          .. url("/finspace/datasetsv2?maxResults=1")
          .. "; done"
      )
    )
    for _ = 1, 3 do
      sys.sleep(0.05)
      sys.kill(pid, 1)
    end
    local codes = pending:read("*a")
    pending:close()
    assert.equal(("200 "):rep(40), codes)
  end)
end)

describe("under load #once", function()
  -- The figures, with a real load generator, are spec/bench/nginx_worker.lua's; this says that nothing stops.
  it("50 slow calls at once do not hold up the worker", function()
    local passed, output = hosts.nginx("spec/support/worker_free.lua")
    assert.is_true(passed, output)
  end)

  it("a large load, or a large view that is read, takes turns of less than 50 ms", function()
    local backend = service.start()
    backend.env.FINSPACE_LOAD_MB = os.getenv("FINSPACE_LOAD_MB")
    local passed, output = hosts.nginx("spec/support/worker_beside_load.lua", { env = backend.env })
    backend.stop()
    assert.is_true(passed, output)
  end)
end)
