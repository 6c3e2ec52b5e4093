local browsers = require("finspace.service.store.browsers")
local cjson = require("cjson")
local lake = require("spec.support.lake")
local origins = require("finspace.service.node.origins")
local service = require("spec.support.service")

describe("The addresses that the console is opened at", function()
  it("are written as browsers write them", function()
    assert.equal("https://a.example", origins.of("HTTPS://A.example:443/"))
    assert.equal("http://a.example", origins.of("http://a.example:80"))
    assert.equal("http://a.example:443", origins.of("http://a.example:443"))
    assert.equal("http://[::1]:4510", origins.of("http://[::1]:4510"))
    for _, wrong in ipairs { "a.example", "https://a.example/console", "ftp://a.example", "https://", "https://a b" } do
      assert.is_nil(origins.of(wrong), wrong)
      assert.truthy(origins.problem(wrong):find("--console-url must be", 1, true))
    end
    assert.is_nil(origins.problem(nil))
  end)

  it("are a node's own, loopback's by its name, too, and the one that was named", function()
    local own = { endpoint = "http://127.0.0.1:4510" }
    assert.same({ "http://127.0.0.1:4510", "http://localhost:4510" }, origins.all(own))
    assert.truthy(origins.word({ host = "0.0.0.0" }):find("--console-url", 1, true))
    assert.equal(
      "",
      origins.word { host = "0.0.0.0", console_url = "https://a.example" } .. origins.word { host = "::1" }
    )
    own = { endpoint = "https://10.0.0.5:4510", console_url = "https://Finspace.example.com/" }
    assert.same({ "https://10.0.0.5:4510", "https://finspace.example.com" }, origins.all(own))
  end)
end)

describe("A store that browsers shall call #once", function()
  local store

  setup(function() store = lake.start_store() end)
  teardown(function() store.stop() end)

  local function start(endpoint, more)
    return service.start { options = lake.options(endpoint or store.endpoint, more), settings = lake.settings(store) }
  end

  local function rules(method, body)
    return store.ask { service = "s3", method = method or "GET", path = "/lake", query = "cors", body = body }
  end

  local function answer_to(origin, method)
    return store.send {
      method = "OPTIONS",
      path = "/lake/deep/place/k",
      query = "",
      headers = {
        { "Host", "127.0.0.1:" .. store.port },
        { "Origin", origin },
        { "Access-Control-Request-Method", method },
        { "Access-Control-Request-Headers", "authorization,x-amz-date,x-amz-security-token,x-amz-content-sha256" },
      },
    }
  end

  it("gets a rule for the node's pages at its start, which says so", function()
    local node = start()
    assert.truthy(node.log():find("its CORS rule finspace-console is set", 1, true), node.log())
    for _, method in ipairs { "GET", "PUT", "POST", "HEAD", "DELETE" } do
      assert.equal(200, answer_to(node.endpoint, method).status, method)
      assert.equal(200, answer_to("http://localhost:" .. node.port, method).status, method)
      assert.equal(403, answer_to("http://127.0.0.1:1", method).status, method)
    end
    node.restart()
    assert.is_nil(node.log():find("CORS", 1, true))
    node.stop()
  end)

  it("keeps the rules of others, and those of other nodes", function()
    local other = "<AllowedOrigin>https://other.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
      .. "<AllowedHeader>x-own</AllowedHeader><ExposeHeader>x-seen</ExposeHeader><MaxAgeSeconds>7</MaxAgeSeconds>"
    local rule = "<CORSRule><ID>other</ID>" .. other .. "</CORSRule>"
    rules("PUT", "<CORSConfiguration>" .. rule .. "</CORSConfiguration>")
    local one, two = start(), start(nil, { console_url = "https://finspace.example.com/" })
    local kept = rules().body
    assert.truthy(kept:find(rule, 1, true), kept)
    for _, origin in ipairs { one.endpoint, two.endpoint, "https://finspace.example.com" } do
      assert.equal(200, answer_to(origin, "PUT").status, origin)
    end
    assert.equal(1, select(2, kept:gsub("<ID>finspace%-console</ID>", "")))
    assert.truthy(two.log():find("https://finspace.example.com/#sign-in=", 1, true))
    one.stop()
    two.stop()
  end)

  it("is left as it is where a rule of others lets the pages in", function()
    local words = { "<AllowedOrigin>http://*</AllowedOrigin>" }
    for _, method in ipairs { "GET", "PUT", "POST", "DELETE", "HEAD" } do
      words[#words + 1] = "<AllowedMethod>" .. method .. "</AllowedMethod>"
    end
    words[#words + 1] = "<AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader>"
    rules("PUT", "<CORSConfiguration><CORSRule>" .. table.concat(words) .. "</CORSRule></CORSConfiguration>")
    local before = rules().body
    local node = start()
    assert.equal(before, rules().body)
    assert.is_nil(node.log():find("CORS", 1, true))
    node.stop()
  end)

  local REFUSALS = {
    { "NotImplemented", 501, [[ngx.var.args == "cors=" and ngx.req.get_method() == "PUT"]] },
    { "AccessDenied", 403, [[ngx.var.args == "cors="]] },
  }

  for _, refusal in ipairs(REFUSALS) do
    it(("without a rule, which answers %s, is used, and the start says what is missing"):format(refusal[1]), function()
      rules("DELETE")
      local code = [[if %s then ngx.status = %d; ngx.say("<Error><Code>%s</Code></Error>"); return ngx.exit(%d) end]]
      local between = lake.stand_between(store, code:format(refusal[3], refusal[2], refusal[1], refusal[2]))
      local node = start(between.endpoint)
      local said = node.log()
      assert.truthy(said:find("Browsers get no files: the bucket lake has no CORS rule", 1, true), said)
      assert.truthy(said:find(refusal[1], 1, true), said)
      local command, json = said:match("(aws s3api put%-bucket%-cors %-%-endpoint%-url %S+ %-%-bucket lake) .- '(.-)'")
      assert.truthy(command and command:find(between.endpoint, 1, true), said)
      local rule = cjson.decode(json).CORSRules[1]
      assert.same({ node.endpoint, "http://localhost:" .. node.port }, rule.AllowedOrigins)
      assert.same(browsers.rule().AllowedHeaders, rule.AllowedHeaders)
      assert.equal(404, rules().status)
      node.stop()
      between.stop()
    end)
  end

  local function page_of(node)
    local headers = { { "Host", "127.0.0.1" }, { "Accept", "text/html" } }
    return node.send { path = "/", method = "GET", query = "", headers = headers }
  end

  local function post(node, path, document)
    local body = cjson.encode(document)
    local headers = { { "Host", "x" }, { "Content-Type", "application/json" }, { "Content-Length", #body } }
    return node.send { path = path, method = "POST", query = "", body = body, headers = headers }
  end

  local function sign_in(node, given)
    local answer = post(node, "/-/sign-in", given)
    return answer.status, answer.status == 200 and cjson.decode(answer.body) or answer.body
  end

  local function sign_out(node, credentials)
    local keys = { accessKeyId = credentials.accessKeyId, sessionToken = credentials.sessionToken }
    local answer = post(node, "/-/sign-out", keys)
    return answer.status, answer.body
  end

  local function stage(node, keys)
    local place = assert(node.call("GetWorkingLocation", { locationType = "INGESTION" }, keys))
    lake.put(store.endpoint, "lake", place.s3Path .. "a.csv", "a\n1\n", keys)
  end

  local function token_of(node) return node.log():match("#sign%-in=(%S+)") end

  it("is named where the page has it from: in its policy, and at the sign-in", function()
    local node = start()
    local policy = page_of(node).headers["content-security-policy"]
    assert.truthy(policy:find("connect-src 'self' " .. store.endpoint .. ";", 1, true), policy)
    local _, session = sign_in(node, { link = token_of(node) })
    local named = session.store
    assert.same({ store.endpoint .. "/lake", "lake", "us-east-1" }, { named.url, named.bucket, named.region })
    local keys = lake.keys_of(session.credentials)
    stage(node, keys)
    local elsewhere =
      { service = "s3", method = "PUT", path = "/lake/deep/place/other", body = "x", credentials = keys }
    assert.equal(403, store.ask(elsewhere).status)
    local rule = { service = "s3", method = "DELETE", path = "/lake", query = "cors", credentials = keys }
    assert.equal(403, store.ask(rule).status)
    node.stop()
  end)

  it("is open to users who have no keys for programs, too, where they may stage", function()
    local node = start()
    local id = assert(node.call("CreateUser", { emailAddress = "eve@example.com", type = "APP_USER" })).userId
    local password = assert(node.call("ResetUserPassword", { userId = id })).temporaryPassword
    local _, session =
      sign_in(node, { emailAddress = "eve@example.com", password = password, newPassword = "eve has her own" })
    local keys = lake.keys_of(session.credentials)
    stage(node, keys)
    local _, refused = node.call("GetProgrammaticAccessCredentials", { environmentId = "local" }, keys)
    assert.equal("AccessDeniedException", refused.code)
    assert.same({ 200, "{}" }, { sign_out(node, session.credentials) })
    local _, ended = node.call("ListDatasets", {}, keys)
    assert.equal("UnrecognizedClientException", ended.code)
    node.stop()
  end)

  it("that is away lets nobody in, and uses up no link", function()
    local node = start()
    store.kill()
    local status, said = sign_in(node, { link = token_of(node) })
    assert.equal(503, status)
    assert.truthy(said:find("store that keeps the bytes does not answer", 1, true), said)
    store.restart()
    assert.equal(200, (sign_in(node, { link = token_of(node) })))
    node.stop()
  end)
end)

describe("A service that keeps the bytes itself #once", function()
  it("names no store to browsers", function()
    local node = service.start()
    local headers = { { "Host", "127.0.0.1" }, { "Accept", "text/html" } }
    local page = node.send { path = "/", method = "GET", query = "", headers = headers }
    assert.truthy(page.headers["content-security-policy"]:find("connect-src 'self';", 1, true))
    node.stop()
  end)
end)
