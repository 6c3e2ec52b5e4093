local browser = require("spec.support.browser")
local cjson = require("cjson")
local core = require("finspace.core")
local link = require("finspace.service.auth.sign_in_link")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

local FOLDER = support.root .. "/lua/finspace/service/console/"
local PRICES = support.root .. "/examples/data/sp500-2000.csv"

local TAB, ESCAPE, HOME, END, RIGHT = "\238\128\132", "\238\128\140", "\238\128\145", "\238\128\144", "\238\128\148"

local function files()
  local names = {}
  for path in support.run("cd " .. support.quote(FOLDER) .. " && find . -type f"):gmatch("%./(%S+)") do
    names[#names + 1] = path
  end
  return names
end

describe("The console's page #once", function()
  local running

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function get(path, headers, method)
    local list = { { "Host", "127.0.0.1:" .. running.port } }
    for name, value in pairs(headers or {}) do
      list[#list + 1] = { name, value }
    end
    return running.send { method = method or "GET", path = path, query = "", headers = list }
  end

  local HTML = { Accept = "text/html,application/xhtml+xml,*/*;q=0.8" }

  it("is what a browser gets at the service's address", function()
    local answer = get("/", HTML)
    assert.equal(200, answer.status)
    assert.equal("text/html; charset=utf-8", answer.headers["content-type"])
    assert.truthy(answer.body:find("/-/console/start.js", 1, true))
  end)

  it("is not what API and S3 clients get", function()
    for _, unsigned in ipairs { { "/", {} }, { "/", { Accept = "*/*" } }, { "/", HTML, "POST" }, { "/datasetsv2", HTML } } do
      local answer = get((table.unpack or unpack)(unsigned))
      assert.equal(403, answer.status, unsigned[1])
    end
    local buckets = running.ask { service = "s3", headers = { { "Accept", HTML.Accept } } }
    assert.truthy(buckets.body:find("ListAllMyBucketsResult", 1, true))
  end)

  it("has no other files than its own, and runs nothing that others wrote", function()
    for _, path in ipairs {
      "/-/console/../console.lua",
      "/-/console/%2e%2e/console.lua",
      "/-/console/pages/../../console.lua",
      "/-/console/nothing.js",
      "/-/console/",
      "/-/console/pages",
      "/-/sign-in",
    } do
      assert.equal(403, get(path, HTML).status, path)
    end
    for _, name in ipairs(files()) do
      local answer = get("/-/console/" .. name)
      assert.equal(200, answer.status, name)
      local policy = answer.headers["content-security-policy"]
      assert.truthy(policy:find("default-src 'none'", 1, true))
      assert.truthy(policy:find("frame-ancestors 'none'", 1, true))
      assert.falsy(policy:find("unsafe", 1, true))
      assert.equal("nosniff", answer.headers["x-content-type-options"])
    end
  end)

  it("is asked for once, and then only whether it has changed", function()
    local first = get("/-/console/app.js")
    local again = get("/-/console/app.js", { ["If-None-Match"] = first.headers.etag })
    assert.equal(304, again.status)
    assert.equal("", again.body)
  end)

  it("names no other origin, and holds no inline script or style", function()
    for _, name in ipairs(files()) do
      local text = support.read_file(FOLDER .. name)
      for url in text:gmatch("https?://[%w%.%-]+") do
        local is_named_only = url == "http://www.w3.org"
          or url == "https://docs.aws.amazon.com"
          or url:find("127.0.0.1", 1, true)
        assert.truthy(is_named_only, name .. " names " .. url)
      end
    end
    local html = support.read_file(FOLDER .. "index.html")
    assert.is_nil(html:find("<script>", 1, true))
    assert.is_nil(html:find("style=", 1, true))
    assert.is_nil(html:find(" on%l+="))
  end)

  it("weighs less than 100 KB at its first view, with all that signing in needs", function()
    local total, counted = #get("/", HTML).body, {}
    local function count(path)
      if counted[path] then return end
      local text = support.read_file(FOLDER .. path)
      total, counted[path] = total + #text, true
      for folder, name in text:gmatch('%f[%w]from "(%.%.?/)([%l_]+%.js)"') do
        count((folder == "./" and path:match("^.*/") or "") .. name)
      end
    end
    for _, path in ipairs { "mark.svg", "style.css", "start.js", "app.js", "pages/sign_in.js" } do
      count(path)
    end
    assert.is_true(counted["dialog.js"])
    assert.is_nil(counted["frame.js"] or counted["api.js"])
    assert.is_true(total < 100 * 1000, tostring(total))
  end)

  it("calls operations as the model has them", function()
    local rows = {}
    for _, row in ipairs(core.operations()) do
      if not rows[row.name] or row.generation ~= "2021-05" then rows[row.name] = row end
    end
    local known, text = {}, support.read_file(FOLDER .. "api.js")
    for name, method, path in text:gmatch('\n  (%u%w+): %["(%u+)", "([^"]+)"') do
      assert.equal(rows[name].method, method, name)
      assert.equal(rows[name].path:lower(), path:lower(), name)
      known[name] = true
    end
    for _, file in ipairs(files()) do
      for name in support.read_file(FOLDER .. file):gmatch('[cp]?al?[lg]?[le]?s?%("(%u%l+%u%w+)"') do
        if rows[name] then assert.is_true(known[name], file .. " calls " .. name) end
      end
    end
  end)

  it("keeps what lies in S3 from running as a page of the same origin", function()
    running.put("evil.html", "<script>alert(1)</script>")
    local request = running.sign { service = "s3", path = "/finspace-local/evil.html", form = "query", expires = 60 }
    request.headers[#request.headers + 1] = { "Accept", HTML.Accept }
    local shown = running.send(request)
    assert.equal(200, shown.status)
    assert.truthy(shown.headers["content-security-policy"]:find("sandbox", 1, true))
    local fetched = running.ask { service = "s3", path = "/finspace-local/evil.html" }
    assert.is_nil(fetched.headers["content-security-policy"])
  end)
end)

describe("The console's modules, under node #once", function()
  local it_on_node = support.unless_missing(
    { it = it, skip = function(why) pending(why) end },
    function() return support.absent("node") end
  )

  -- It has not yet made of it what browsers have.
  local NODE_18 = 'import { webcrypto } from "node:crypto";\nglobalThis.crypto ??= webcrypto;\n'

  local function run(script, input)
    local folder = support.temporary_folder()
    support.run(("cp -r %s %s/console"):format(support.quote(FOLDER), folder))
    support.write_file(folder .. "/console/package.json", '{"type":"module"}') -- node 18 wants to be told
    support.write_file(folder .. "/run.mjs", NODE_18 .. script:gsub("CONSOLE", "./console"))
    support.write_file(folder .. "/input.json", cjson.encode(input or {}))
    local output, status = support.run(("cd %s && node run.mjs"):format(support.quote(folder)))
    support.remove_folder(folder)
    assert.equal(0, status, output)
    return cjson.decode(output)
  end

  local SIGN = [[
import { presign, sign } from "CONSOLE/sigv4.js";
import { readFileSync } from "node:fs";
const results = [];
for (const request of JSON.parse(readFileSync("input.json"))) {
  results.push(await (request.form === "query" ? presign : sign)(request));
}
console.log(JSON.stringify(results));
]]

  local function to_page(raw)
    local keys = raw.credentials
    return {
      form = raw.form or "header",
      method = raw.method,
      path = raw.path,
      query = raw.query,
      headers = #raw.headers > 0 and raw.headers or nil,
      body = raw.body,
      payloadHash = raw.payload_hash,
      region = raw.region,
      service = raw.service,
      time = raw.time * 1000,
      expires = raw.expires,
      normalize = raw.normalize,
      signBody = raw.sign_body,
      tokenUnsigned = raw.omit_session_token,
      credentials = {
        accessKeyId = keys.access_key_id,
        secretAccessKey = keys.secret_access_key,
        sessionToken = keys.session_token,
      },
    }
  end

  it_on_node("sign as the published vectors do, in every stage of both forms", function()
    local shared, vectors = support.shared(), require("spec.support.vectors")
    if not shared then return pending("others' vectors are not beside this checkout (../shared)") end
    local requests, wanted = {}, {}
    for _, name in ipairs(vectors.cases(shared .. "/vectors/sigv4")) do
      for _, form in ipairs { "header", "query" } do
        local raw, expected = vectors.case(shared .. "/vectors/sigv4", name, form)
        requests[#requests + 1], wanted[#wanted + 1] = to_page(raw), expected
      end
    end
    assert.is_true(#requests >= 50)
    for i, result in ipairs(run(SIGN, requests)) do
      assert.equal(wanted[i].canonical_request, result.canonicalRequest)
      assert.equal(wanted[i].string_to_sign, result.stringToSign)
      assert.equal(wanted[i].signature, result.signature)
    end
  end)

  it_on_node("sign as the core does, for the API and for S3", function()
    local requests, signatures = {}, {}
    for i, subject in ipairs {
      { service = "s3", path = "/bucket/a%20b/%C3%A9%2B%3D.csv", query = "uploads=" },
      { service = "s3", path = "/bucket", query = "list-type=2&prefix=x%2Fy&encoding-type=url" },
      { service = "finspace-api", path = "/datasetsv2/alias%2Fprices", query = "" },
      { service = "finspace-api", path = "/datasetsv2", query = "maxResults=100&nextToken=7-ab%3D" },
      { service = "s3", path = "/bucket/key", query = "", form = "query", expires = 300 },
    } do
      subject.method, subject.body = "GET", ""
      subject.headers = { { "Host", "127.0.0.1:4510" }, { "Range", "bytes=0-9" } }
      subject.region, subject.time = "us-east-1", 1600000000 + i
      subject.credentials = { access_key_id = "ASIAX", secret_access_key = "s/e+c", session_token = "t/o+k=" }
      if subject.form == "query" then subject.payload_hash = "UNSIGNED-PAYLOAD" end
      requests[i], signatures[i] = to_page(subject), assert(core.sign(subject)).signature
    end
    for i, result in ipairs(run(SIGN, requests)) do
      assert.equal(signatures[i], result.signature, requests[i].path)
    end
  end)

  it_on_node("read delimited text by the rules that loading has", function()
    local results = run([[
import { infer, namesOf, namesSchema, records, sniff, withoutSeparatorLine } from "CONSOLE/csv.js";
const schema = [{ name: "Day", type: "DATE" }, { name: "n", type: "BIGINT" }];
console.log(JSON.stringify({
  quoted: records('a, "b,""c""" ,"x"y\r\n"two\nlines",2,3\rq,,\n\n'),
  cut: records("a,b\n1,2\n3,4", ",", { isWhole: false }),
  names: namesOf(["a", "A", " ", "A_2"]),
  excel: withoutSeparatorLine('sep=;\r\na;b'),
  tabs: sniff("x.txt", "a\tb\n1\t2\n", true).separator,
  types: infer(records("d,n,t,z,b,e\n2020-01-01,1,2020-01-01T08:00:00Z,007,true,\n2020-01-02,1.5,,008,false,\n"), true).map((c) => c.type),
  header: [namesSchema(["n", "day"], schema), namesSchema(["2020-01-01", "7"], schema), namesSchema(["x", "y"], schema)],
}));
]])
    assert.same({ { "a", 'b,"c"', "xy" }, { "two\nlines", "2", "3" }, { "q", "", "" } }, results.quoted)
    assert.same({ { "a", "b" }, { "1", "2" } }, results.cut)
    assert.same({ "a", "A_3", "column_3", "A_2" }, results.names)
    assert.same({ text = "a;b", separator = ";" }, results.excel)
    assert.equal("\t", results.tabs)
    assert.same({ "DATE", "DOUBLE", "DATETIME", "STRING", "BOOLEAN", "STRING" }, results.types)
    assert.same({ true, false, true }, results.header)
  end)

  it_on_node("find what of a delimited text the service refuses, in the line that it names", function()
    local texts = {
      'a,b\n1,"x"y\n',
      'a,b\n1,"x" \n2,"two\nlines" z\n',
      'a,b\r\n1,2\r\n\r\n"3\r\n4"5,6\r\n',
      'a,b\r1,2\r3,"4"5\r',
      'a,b\n1,2\n3,"4\n5,6\n',
      "a,b\n1,2\n3,4,5\n",
      "a,b\n1,2\n\n3\n",
      'sep=;\na;b\n1;2\n3;"4"5\n',
      "a,b\n1,2,\n3,4\n",
      'a,b\n"1" , "2"\n',
      'a\n""\n1\n',
    }
    local found = run(
      [[
import { readFileSync } from "node:fs";
import { flaw, withoutSeparatorLine } from "CONSOLE/csv.js";
const lineOf = (whole) => {
  const { text, separator } = withoutSeparatorLine(whole);
  const found = flaw(text, separator ?? ",", true);
  return found && found.line + (text === whole ? 0 : 1);
};
console.log(JSON.stringify(JSON.parse(readFileSync("input.json")).map(lineOf)));
]],
      texts
    )
    local running = service.start()
    for i, text in ipairs(texts) do
      local format = { formatType = "CSV", separator = text:find("^sep=;") and ";" or nil }
      local changeset = running.ingest(running.dataset("T" .. i), running.put("t" .. i .. ".csv", text), format)
      local line = changeset.errorInfo and tonumber(changeset.errorInfo.errorMessage:match("line (%d+)"))
      local told = found[i] ~= cjson.null and found[i] or nil
      assert.same({ text, line }, { text, told }, changeset.errorInfo and changeset.errorInfo.errorMessage)
    end
    running.stop()
  end)

  it_on_node("thin a line to its width without losing a peak", function()
    local results = run([[
import { readFileSync } from "node:fs";
globalThis.document = { createElement: () => ({}) };
const { thin } = await import("CONSOLE/chart.js");
const points = Array.from({ length: 10000 }, (_, i) => ({ x: i, values: [i === 4321 ? 99 : i === 8765 ? -99 : i % 7] }));
points[17].values[0] = NaN;
const kept = thin(points, 0, 0, 9999, 300);
console.log(JSON.stringify({
  count: kept.length, first: kept[0].x, last: kept.at(-1).x,
  peak: kept.some((m) => m.x === 4321), dip: kept.some((m) => m.x === 8765),
  ordered: kept.every((m, i) => i === 0 || m.x > kept[i - 1].x),
  few: thin(points.slice(0, 5), 0, 0, 4, 300).length,
}));
]])
    assert.is_true(results.count <= 4 * 301)
    assert.same({ 0, 9999, true, true, true, 5 }, {
      results.first,
      results.last,
      results.peak,
      results.dip,
      results.ordered,
      results.few,
    })
  end)

  it_on_node("make one of several summaries", function()
    local results = run([==[
import { columns, sample, totals } from "CONSOLE/summary.js";
const big = { name: "n", type: "BIGINT", nulls: 1, min: "9007199254740993", max: "9007199254740995", histogram: [3] };
const one = { rows: 4, columns: [big, { name: "s", type: "STRING", nulls: 0 }], sample: [["9007199254740993", "a"]] };
const two = { sampled: 2, rows: 2, columns: [{ name: "n", type: "BIGINT", nulls: 0, min: "-5", max: "9007199254740992", histogram: [1, 1] }], sample: [["-5"]] };
const found = columns([one, two]);
console.log(JSON.stringify({ found, rows: sample([one, two], ["n", "s"]), totals: totals([
  { status: "SUCCESS", rowCount: 4, createTime: 5 }, { status: "SUCCESS", rowCount: 9, createTime: 3, activeUntilTimestamp: 5 }, { status: "FAILED", createTime: 9 },
]) }));
]==])
    local n, s = results.found[1], results.found[2]
    assert.same({ "-5", "9007199254740995", 1 }, { n.min, n.max, n.nulls })
    assert.same({ true, false }, { n.isSampled, s.isSampled })
    local total = 0
    for _, rows in ipairs(n.histogram) do
      total = total + rows
    end
    assert.equal(5, total)
    assert.equal(2, s.nulls)
    assert.same({ { "9007199254740993", "a" }, { "-5", cjson.null } }, results.rows)
    assert.same({ rows = 4, lastLoad = 5 }, results.totals)
  end)
end)

describe("The console in a browser #once #interop", function()
  local running, page

  setup(function()
    if browser.missing() then return end
    running = service.start()
    page = browser.start()
  end)
  teardown(function()
    if page then page:stop() end
    if running then running.stop() end
  end)

  local it_in_browser = support.unless_missing({ it = it, skip = function(why) pending(why) end }, browser.missing)

  local function address(path) return running.endpoint .. "/" .. (path or "") end

  local function owner_link() return link.url(running.endpoint, running.credentials.secret_access_key, sys.now()) end

  -- The page is opened anew: what an earlier sentence left is gone.
  local function leave()
    page:open("about:blank")
    page:open(address())
    page:run("sessionStorage.clear()")
    page:open("about:blank")
  end

  local function enter_as_owner(path)
    leave()
    page:open(owner_link())
    page:await("document.querySelector('.bar')")
    if path then page:run("location.hash = arguments[0]", path) end
  end

  local made = 0

  local function user(given)
    made = made + 1
    local wanted = { emailAddress = ("bob%d@example.com"):format(made), type = "APP_USER", apiAccess = "ENABLED" }
    for name, value in pairs(given or {}) do
      wanted[name] = value
    end
    local id = assert(running.call("CreateUser", wanted)).userId
    local temporary = assert(running.call("ResetUserPassword", { userId = id })).temporaryPassword
    return { id = id, email = wanted.emailAddress, temporary = temporary, password = "correct horse battery" }
  end

  local function type_and_enter(email, password)
    page:await("document.querySelector('input[type=email]')")
    page:type("input[type=email]", email)
    page:type("input[type=password]", password)
    page:press("Sign in")
  end

  local function choose_password(new_password)
    page:await("document.querySelectorAll('input[autocomplete=new-password]').length === 2")
    for i = 0, 1 do
      page:run(
        "document.querySelectorAll('input[autocomplete=new-password]')[arguments[0]].value = arguments[1]",
        i,
        new_password
      )
    end
    page:press("Change and sign in")
  end

  local function enter_as(bob)
    running.sql("DELETE FROM sign_in_tries")
    leave()
    page:open(address())
    type_and_enter(bob.email, bob.temporary or bob.password)
    if bob.temporary then choose_password(bob.password) end
    bob.temporary = nil
    page:await("document.querySelector('.bar')")
  end

  local function show(path, condition)
    page:run("location.hash = arguments[0]", path)
    page:await(condition)
  end

  local function load_file(path, dataset)
    show(("#/datasets/%s/load"):format(dataset), "document.querySelector('input[type=file]')")
    page:type("input[type=file]", path)
    page:press("Load", ".actions")
    page:await("document.querySelector('.outcome .badge.good, .outcome .badge.bad')")
  end

  describe("shows a visit's first screen", function()
    local FIRST = {}
    local LOADED = [[
      const entries = performance.getEntriesByType("resource").filter((one) => one.encodedBodySize > 0 && /\.(js|css)$/.test(one.name));
      const bytes = entries.reduce((sum, one) => sum + one.encodedBodySize, 0);
      return [bytes, entries.map((one) => one.name.replace(/.*\/-\/console\//, "")).sort().join(" ")];]]

    local function loaded() return (table.unpack or unpack)(page:run(LOADED)) end

    -- Whatever comes after the page, its style and its script does not come.
    local function open_cut_short(url)
      page:block { "*/console/app.js", "*/console/frame.js", "*/console/pages/*" }
      page:open(url)
      page:await("performance.getEntriesByName('first-contentful-paint').length === 1")
      page:await("document.querySelector('#app [role=alert]')")
      page:block(FIRST)
      page:complaints() -- the browser's own, of what was blocked
    end

    it_in_browser("from three requests and 40 KB, before any module, and says when no more comes", function()
      leave()
      open_cut_short(address())
      local bytes, names = loaded()
      assert.equal("start.js style.css", names)
      assert.is_true(bytes + #running.send({
        method = "GET",
        path = "/",
        query = "",
        headers = { { "Host", "127.0.0.1:" .. running.port }, { "Accept", "text/html" } },
      }).body < 40 * 1000)
      assert.equal("username", page:run("return document.activeElement.name"))
      assert.truthy(page:text("#app [role=alert]"):find("finspace serve", 1, true))
    end)

    it_in_browser("of somebody signed in, too", function()
      enter_as_owner()
      open_cut_short(address())
      assert.same(
        { 3, false },
        page:run(
          [[
        return [document.querySelectorAll(".bar nav a").length, Boolean(document.querySelector("#app form"))];]]
        )
      )
    end)

    it_in_browser("with no module that it does not need", function()
      leave()
      page:open(address())
      page:await("document.title.startsWith('Sign in')")
      page:await("performance.getEntriesByType('resource').some((one) => one.name.endsWith('dialog.js'))")
      local _, names = loaded()
      assert.equal("app.js dialog.js dom.js pages/sign_in.js session.js start.js style.css", names)
    end)

    it_in_browser("and does what was asked of it before its modules came", function()
      open_cut_short(address())
      page:type("input[type=email]", "nobody@example.com")
      page:type("input[type=password]", "wrong")
      page:press("Sign in")
      page:run("import('/-/console/pages/sign_in.js?again').then((it) => it.show(document.querySelector('main')))")
      page:await("document.querySelector('.form-problem [role=alert]')")
      assert.truthy(page:text(".form-problem"):find("wrong", 1, true))
      assert.equal("nobody@example.com", page:run("return document.querySelector('input[type=email]').value"))
    end)
  end)

  describe("lets the owner in", function()
    it_in_browser("by the link, and takes it out of the address", function()
      leave()
      local url = owner_link()
      page:open(url)
      page:await("document.querySelector('h1')?.textContent === 'Datasets'")
      assert.is_nil(page:run("return location.href"):find("sign-in", 1, true))
      page:assert_no_complaints()
      leave()
      page:open(url)
      page:await("document.querySelector('[role=alert]')")
      assert.truthy(page:text("[role=alert]"):find("finspace console", 1, true))
      assert.truthy(page:run("return Boolean(document.querySelector('input[type=password]'))"))
    end)

    it_in_browser("for the tab alone: another one asks", function()
      enter_as_owner()
      assert.truthy(
        page:run("return sessionStorage.length === 1 && localStorage.length === 0 && document.cookie === ''")
      )
      assert.is_true(
        page:run("return JSON.parse(sessionStorage['finspace.session']).credentials.accessKeyId.startsWith('ASIA')")
      )
    end)
  end)

  it_in_browser("says what it needs where browsers let no page sign", function()
    page:open(("http://finspace.test:%d/"):format(running.port))
    page:await("document.querySelector('h1')")
    assert.truthy(page:text("main"):find("secure address", 1, true))
    assert.truthy(page:text("main"):find("ssh -L", 1, true))
    page:complaints() -- the browser's own, of that address
  end)

  describe("lets a user in", function()
    it_in_browser("who must change a temporary password at once", function()
      local bob = user()
      enter_as(bob)
      page:await("document.querySelector('h1')?.textContent === 'Datasets'")
      running.sql("DELETE FROM sign_in_tries")
      enter_as(bob)
    end)

    it_in_browser("and says why when it does not", function()
      leave()
      page:open(address())
      type_and_enter("nobody@example.com", "wrong")
      page:await("document.querySelector('[role=alert]')")
      assert.truthy(page:text("[role=alert]"):find("wrong", 1, true))
    end)

    it_in_browser("who is told what they may not do", function()
      local bob = user()
      local dataset = running.dataset("Not yours")
      enter_as(bob)
      page:await("document.querySelector('.empty')")
      for _, path in ipairs { "#/users", "#/groups", "#/datasets/" .. dataset } do
        page:run("document.querySelector('#main').replaceChildren()")
        show(path, "document.querySelector('[role=alert]')")
        assert.truthy(page:text("[role=alert]"):find("permission", 1, true), path)
      end
      page:run("document.querySelector('.gear').click()")
      page:press("API Credentials")
      page:await("document.querySelector('dialog [role=alert]')")
      assert.truthy(page:text("dialog [role=alert]"):find("GetTemporaryCredentials", 1, true))
    end)
  end)

  local function make_dataset(title)
    page:run("location.hash = '#/datasets'")
    page:press("Create dataset")
    page:await("document.querySelector('dialog[open] input')")
    page:type("dialog input", title)
    page:press("Create dataset", "dialog")
    page:await("location.hash.endsWith('/load') && document.querySelector('input[type=file]')")
    return page:run("return location.hash.split('/')[2]")
  end

  local function rows_of(path)
    local rows = {}
    for line in io.lines(path) do
      local date, close = line:match("^(%d+%-%d+%-%d+),[^,]*,[^,]*,[^,]*,([^,]+),")
      if date then rows[#rows + 1] = { date = date, close = tonumber(close) } end
    end
    return rows
  end

  -- The close that a value of the chart's legend means: seven digits.
  local function read_legend()
    local moment, value = page:text(".legend .moment"), page:text(".legend strong")
    return moment, tonumber((value:gsub(",", "")))
  end

  describe("loads and draws", function()
    local dataset, large

    it_in_browser("a file, seen before it is sent, to SUCCESS", function()
      enter_as_owner()
      dataset = make_dataset("S&P 500")
      page:type("input[type=file]", PRICES)
      page:await("document.querySelector('.schema')")
      local types = page:run("return [...document.querySelectorAll('.schema select')].map((one) => one.value)")
      assert.same({ "DATE", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", "BIGINT" }, types)
      page:press("Load", ".actions")
      page:await("document.querySelector('.outcome .badge.good')")
      assert.truthy(page:text(".outcome"):find("5,105 rows", 1, true))
      page:await("document.querySelector('.facts-line').innerText.includes('5,105 rows')")
      page:assert_no_complaints()
    end)

    local function cells(selector)
      return page:run(
        "return [...document.querySelectorAll(arguments[0])].map((row) => [...row.children].map((cell) => cell.textContent))",
        selector
      )
    end

    it_in_browser("its columns, with smallest and largest values, NULLs and how the values spread", function()
      enter_as_owner()
      show(("#/datasets/%s/columns"):format(dataset), "document.querySelector('.list .histogram')")
      local rows = cells(".list tbody tr")
      assert.equal(7, #rows)
      assert.same({ "date", "DATE", "2000-01-03", "2020-04-17", "0" }, { (table.unpack or unpack)(rows[1], 1, 5) })
      assert.same({ "close", "DOUBLE", "676.530029", "3386.149902", "0" }, { (table.unpack or unpack)(rows[5], 1, 5) })
      assert.equal(7, page:run("return document.querySelectorAll('.histogram').length"))
      local label = page:run("return document.querySelectorAll('.histogram')[4].getAttribute('aria-label')")
      assert.truthy(label:find("close: spread of values from 676.530029 to 3386.149902", 1, true))
    end)

    it_in_browser("its first hundred rows", function()
      show(("#/datasets/%s/rows"):format(dataset), "document.querySelectorAll('.grid tbody tr').length === 100")
      local rows = cells(".grid tbody tr")
      assert.same({ "2000-01-03", "1469.25" }, { rows[1][1], rows[1][2] })
      assert.truthy(page:text(".tally"):find("first 100 of 5,105 rows", 1, true))
      page:assert_no_complaints()
    end)

    it_in_browser("nothing of the data to who may see the dataset but not read it", function()
      local bob = user()
      local group =
        assert(running.call("CreatePermissionGroup", { name = "Viewers", applicationPermissions = {} })).permissionGroupId
      assert(running.call("AssociateUserToPermissionGroup", { permissionGroupId = group, userId = bob.id }))
      running.sql(("INSERT INTO dataset_permissions VALUES ('%s', '%s', 'ViewDatasetDetails')"):format(dataset, group))
      enter_as(bob)
      show(("#/datasets/%s/columns"):format(dataset), "document.querySelector('.list')")
      page:await("document.querySelector('.tab .note')?.innerText.includes('ReadDatasetData')")
      assert.equal(0, page:run("return document.querySelectorAll('.histogram').length"))
      show(("#/datasets/%s/rows"):format(dataset), "document.querySelector('.tab .empty')")
      page:await("document.querySelector('.tab').innerText.includes('ReadDatasetData')")
    end)

    it_in_browser("its line, point by point as the file has it", function()
      local rows = rows_of(PRICES)
      enter_as_owner()
      show(("#/datasets/%s/chart"):format(dataset), "document.querySelector('.chart-controls')")
      page:press("Create the view and draw")
      page:await("document.querySelector('.chart-foot [role=status]')?.textContent.startsWith('5,105 points')")
      page:run("document.querySelector('.chart > svg').focus()")
      local function assert_reads(row)
        local date, close = read_legend()
        assert.equal(row.date, date)
        assert.is_true(math.abs(close - row.close) <= 1e-6 * row.close, row.date)
      end
      page:key(HOME)
      assert_reads(rows[1])
      for i = 2, 5 do
        page:key(RIGHT)
        assert_reads(rows[i])
      end
      page:key(END)
      assert_reads(rows[#rows])
    end)

    it_in_browser("no point that the file does not have, and all its peaks", function()
      local drawn = page:run([[
        const path = document.querySelector(".curve").getAttribute("d");
        return path.slice(1).split("L").map((pair) => pair.split(" ").map(Number));
      ]])
      local rows, least, most = rows_of(PRICES), math.huge, -math.huge
      for _, row in ipairs(rows) do
        local year, month, day = row.date:match("(%d+)-(%d+)-(%d+)")
        row.x = os.time { year = year, month = month, day = day, hour = 12 }
        least, most = math.min(least, row.close), math.max(most, row.close)
      end
      local low, high = -math.huge, math.huge
      for _, point in ipairs(drawn) do
        low, high = math.max(low, point[2]), math.min(high, point[2])
      end
      local function to_pixel(row)
        local share = (row.x - rows[1].x) / (rows[#rows].x - rows[1].x)
        return drawn[1][1] + share * (drawn[#drawn][1] - drawn[1][1]),
          low - (row.close - least) / (most - least) * (low - high)
      end
      local at = 1
      for _, point in ipairs(drawn) do
        local found
        for i = at, #rows do
          local x, y = to_pixel(rows[i])
          if math.abs(x - point[1]) < 0.2 and math.abs(y - point[2]) < 0.2 then
            found, at = true, i
            break
          end
        end
        assert.is_true(found, ("no row at %g, %g"):format(point[1], point[2]))
      end
      assert.is_true(#drawn > 500)
    end)

    it_in_browser("closer where somebody drags, and tells the value under the pointer", function()
      local box = page:run(
        "const b = document.querySelector('.chart > svg').getBoundingClientRect(); return [b.left, b.top, b.width, b.height]"
      )
      local y = box[2] + 100
      page:point { { box[1] + box[3] / 2, y } }
      assert.truthy(page:text(".legend .moment"):find("^20%d%d%-%d%d%-%d%d$"))
      page:point({ { box[1] + box[3] * 0.4, y }, { box[1] + box[3] * 0.45, y }, { box[1] + box[3] * 0.5, y } }, true)
      page:await("[...document.querySelectorAll('.chart-foot button')].some((one) => !one.hidden)")
      local label = page:run("return document.querySelector('.chart > svg').getAttribute('aria-label')")
      assert.is_nil(label:find("2000%-01%-03"))
      page:press("Whole range")
      page:await("document.querySelector('.chart > svg').getAttribute('aria-label').includes('2000-01-03')")
      page:assert_no_complaints()
    end)

    it_in_browser("a file of several parts, and warns who would leave before it is sent", function()
      local folder, lines = support.temporary_folder(), { "at,n,text\n" }
      for i = 1, 36000 do
        local minute = os.date("!%Y-%m-%dT%H:%M:%SZ", 1577836800 + 60 * i)
        lines[#lines + 1] = ("%s,%d,%s\n"):format(minute, i, ("x"):rep(950))
      end
      support.write_file(folder .. "/large.csv", table.concat(lines))
      enter_as_owner()
      large = make_dataset("Large")
      page:type("input[type=file]", folder .. "/large.csv")
      page:run(
        "setInterval(() => (window.warned ||= !dispatchEvent(new Event('beforeunload', { cancelable: true }))), 5)"
      )
      page:press("Load", ".actions")
      page:await("document.querySelector('.outcome .badge.good, .outcome .badge.bad')")
      assert.truthy(page:text(".outcome"):find("36,000 rows", 1, true), page:text("main"))
      assert.is_true(page:run("return window.warned"))
      assert.is_true(page:run("return dispatchEvent(new Event('beforeunload', { cancelable: true }))"))
      support.remove_folder(folder)
    end)

    it_in_browser("of what is too large to read whole a part, and more of it where somebody zooms in", function()
      show(("#/datasets/%s/chart"):format(large), "document.querySelector('.chart-controls')")
      page:press("Create the view and draw")
      page:await("document.querySelector('.chart-foot [role=status]')?.textContent.includes('evenly spread')")
      local function points() return tonumber((page:text(".chart-foot [role=status]"):match("^[%d,]+"):gsub(",", ""))) end
      local seen = points()
      assert.is_true(seen > 1000 and seen < 36000, tostring(seen))
      local box = page:run(
        "const b = document.querySelector('.chart > svg').getBoundingClientRect(); return [b.left, b.top, b.width, b.height]"
      )
      local y = box[2] + 100
      page:point({ { box[1] + box[3] * 0.5, y }, { box[1] + box[3] * 0.52, y }, { box[1] + box[3] * 0.55, y } }, true)
      page:await("!document.querySelector('.chart-foot [role=status]').textContent.includes('evenly spread')")
      local drawn = page:run("return Number(document.querySelector('.curve').dataset.points)")
      assert.is_true(drawn > 900, tostring(drawn))
    end)

    it_in_browser("a file that is packed, and tells of it on other screens", function()
      local folder = support.temporary_folder()
      support.run(("gzip -c %s > %s/prices.csv.gz"):format(support.quote(PRICES), folder))
      enter_as_owner()
      local id = make_dataset("Packed")
      page:type("input[type=file]", folder .. "/prices.csv.gz")
      page:await("document.querySelector('.schema select')?.value === 'DATE'")
      page:press("Load", ".actions")
      page:run("location.hash = '#/groups'")
      page:await("document.querySelector('.transfer').innerText.includes('5,105 rows')")
      page:run("document.querySelector('.transfer a').click()")
      page:await("document.querySelector('.timeline .badge.good')")
      assert.truthy(page:run("return location.hash"):find(id, 1, true))
      support.remove_folder(folder)
    end)

    it_in_browser("a file that is refused, and says where and why", function()
      local folder = support.temporary_folder()
      support.write_file(folder .. "/broken.csv", "day,price\n2020-01-01,1\n2020-01-02,2,3,4\n")
      enter_as_owner()
      local id = make_dataset("Broken")
      load_file(folder .. "/broken.csv", id)
      assert.truthy(page:text(".failure"):find("Line\n3", 1, true), page:text(".failure"))
      show(("#/datasets/%s/changesets"):format(id), "document.querySelector('.timeline .failure')")
      assert.truthy(page:text(".timeline"):find("FAILED", 1, true))
      support.remove_folder(folder)
    end)

    it_in_browser("nothing without saying what of the file will be refused", function()
      local folder = support.temporary_folder()
      support.write_file(folder .. "/odd.csv", 'price,when\n1,2020-01-01\nmany,"2020-01-02"x\n')
      local id = assert(running.call("CreateDataset", {
        datasetTitle = "Typed",
        kind = "TABULAR",
        permissionGroupParams = {},
        schemaDefinition = {
          tabularSchemaConfig = {
            columns = { { columnName = "day", dataType = "DATE" }, { columnName = "price", dataType = "DOUBLE" } },
          },
        },
      })).datasetId
      enter_as_owner()
      show(("#/datasets/%s/load"):format(id), "document.querySelector('input[type=file]')")
      page:type("input[type=file]", folder .. "/odd.csv")
      page:await("document.querySelectorAll('.note').length === 3")
      local notes = page:text(".card.steps")
      assert.truthy(notes:find("The file lacks day", 1, true), notes)
      assert.truthy(notes:find("schema has no when", 1, true), notes)
      assert.truthy(notes:find("row 2, price is DOUBLE", 1, true), notes)
      assert.truthy(notes:find("Line 3: text follows a closing quote", 1, true), notes)
      support.remove_folder(folder)
    end)

    it_in_browser("what takes whose place in the timeline", function()
      local id = running.dataset("History")
      local uri = running.put("history.csv", "day,price\n2020-01-01,1\n")
      local first = running.ingest(id, uri)
      running.ingest(id, uri, nil, "REPLACE")
      enter_as_owner()
      show(("#/datasets/%s/changesets"):format(id), "document.querySelectorAll('.entry').length === 2")
      assert.truthy(page:text(".entry:first-child"):find("Replaces 1 earlier changeset", 1, true))
      assert.truthy(page:text("#changeset-" .. first.changesetId):find("hidden by REPLACE", 1, true))
    end)
  end)

  describe("makes views", function()
    local function create_view(format)
      local id = running.dataset(format)
      running.ingest(id, running.put("v.csv", "day,price\n2020-01-01,1\n2020-01-02,2\n"))
      enter_as_owner()
      show(("#/datasets/%s/views"):format(id), "document.querySelector('.tab .button')")
      page:press("Create view", ".tab")
      page:await("document.querySelector('dialog select')")
      page:run("document.querySelector('dialog select').value = arguments[0]", format)
      page:press("Create view", "dialog")
      page:await("document.querySelector('.view') || document.querySelector('dialog [role=alert]')")
      return page:text("dialog [role=alert]")
    end

    for format, start in pairs { DELIMITED_TEXT = "day,price", PARQUET = "PAR1" } do
      it_in_browser(("of %s, and downloads their files"):format(format), function()
        support.run("rm -rf " .. page.downloads)
        local refusal = create_view(format)
        if refusal:find("not available", 1, true) then return pending("this service writes no " .. format) end
        page:await("document.querySelector('.view .badge.good')")
        page:press("Files")
        page:press("Download")
        local _, bytes = page:download()
        assert.equal(start, bytes:sub(1, #start))
      end)
    end
  end)

  describe("gives credentials", function()
    it_in_browser("that boto3 works with", function()
      local python, missing = support.boto3()
      if missing then return pending(missing) end
      enter_as_owner()
      local id = running.dataset("For boto3")
      page:run("document.querySelector('.gear').click()")
      page:press("API Credentials")
      page:await("document.querySelector('dialog pre')")
      local script = page:run("return [...document.querySelectorAll('dialog pre')].pop().textContent")
      local folder = support.temporary_folder()
      local path = support.write_file(folder .. "/try.py", script .. "\n" .. [[
print([d["datasetId"] for d in finspace.list_datasets()["datasets"] ], s3.list_buckets()["Buckets"][0]["Name"])
]])
      local output, status = support.run(("env -i HOME=%s PATH=/usr/bin:/bin %s %s"):format(folder, python, path))
      assert.equal(0, status, output)
      assert.truthy(output:find(id, 1, true))
      assert.truthy(output:find("finspace-local", 1, true))
      support.remove_folder(folder)
    end)

    it_in_browser("as lines for a shell", function()
      local text = page:text("dialog pre")
      local names = {}
      for name in text:gmatch("(AWS_[%u_]+)=") do
        names[#names + 1] = name
      end
      assert.same({
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
      }, names)
    end)
  end)

  describe("shows what others wrote as text", function()
    it_in_browser("whatever it looks like", function()
      local title = [["'><script>window.broken = 1</script><img src=x onerror="window.broken = 1">]]
        .. "\27[31mred\226\128\174"
      local id = assert(running.call("CreateDataset", {
        datasetTitle = title,
        kind = "TABULAR",
        permissionGroupParams = {},
        datasetDescription = "<b>bold</b>",
        ownerInfo = { name = "<i>me</i>" },
      })).datasetId
      enter_as_owner()
      page:await("document.querySelector('.list')")
      page:type("input[type=search]", "<script>")
      page:await("document.querySelectorAll('.list tbody tr').length === 1")
      assert.truthy(page:text(".list"):find("<script>window.broken", 1, true))
      assert.truthy(page:text(".list"):find("\226\144\155[31mred\239\191\189", 1, true))
      show("#/datasets/" .. id, "document.querySelector('.description')")
      assert.truthy(page:text("h1"):find("\"'><script>", 1, true))
      assert.equal("<b>bold</b>", page:text(".description"))
      assert.is_nil(page:run("return window.broken"))
      page:assert_no_complaints()
    end)
  end)

  describe("ends a session", function()
    it_in_browser("whose keys are no longer good, and goes on where it was after a new sign-in", function()
      local bob = user { type = "SUPER_USER" }
      enter_as(bob)
      page:await("document.querySelector('.list, .empty')")
      running.sql(("UPDATE access_keys SET expires_seconds = 1 WHERE user_id = '%s'"):format(bob.id))
      page:run("location.hash = '#/users'")
      page:await("document.querySelector('dialog[open] input[type=password]')")
      assert.is_nil(page:run("return sessionStorage.getItem('finspace.session')"))
      type_and_enter(bob.email, bob.password)
      page:await("document.querySelector('h1')?.textContent === 'Users' && document.querySelector('.list')")
    end)

    it_in_browser("once, however many requests find that out", function()
      local bob = user { type = "SUPER_USER" }
      enter_as(bob)
      local dataset = running.dataset("Many requests")
      show(("#/datasets/%s/changesets"):format(dataset), "document.querySelector('.tab .empty')")
      running.sql(("UPDATE access_keys SET expires_seconds = 1 WHERE user_id = '%s'"):format(bob.id))
      page:run("location.hash = arguments[0]", ("#/datasets/%s/views"):format(dataset))
      page:await("document.querySelector('dialog[open] input[type=password]')")
      assert.equal(1, page:run("return document.querySelectorAll('dialog').length"))
      type_and_enter(bob.email, bob.password)
      page:await("document.querySelector('.tab .empty')?.innerText.includes('no views')")
      assert.equal(0, page:run("return document.querySelectorAll('dialog').length"))
    end)

    it_in_browser("when it signs out, in the tab and at the service", function()
      enter_as_owner()
      local key = page:run("return JSON.parse(sessionStorage['finspace.session']).credentials.accessKeyId")
      page:run("document.querySelector('.gear').click()")
      page:press("Sign out")
      page:await("document.querySelector('input[type=password]')")
      assert.equal(0, page:run("return sessionStorage.length"))
      page:await("true")
      for _ = 1, 100 do
        if running.sql(("SELECT count(*) FROM access_keys WHERE id = '%s'"):format(key)) == "0\n" then return end
        sys.sleep(0.05)
      end
      error("the key still stands")
    end)
  end)

  describe("can be used by everybody", function()
    local NAMELESS = [[
      const nameless = [];
      const text = (element) => (element.getAttribute("aria-label") ?? element.textContent).trim();
      for (const one of document.querySelectorAll("button, a[href], summary")) if (!text(one)) nameless.push(one.outerHTML);
      for (const one of document.querySelectorAll("input, select, textarea")) {
        if (one.labels.length === 0 && !one.getAttribute("aria-label")) nameless.push(one.outerHTML);
      }
      for (const one of document.querySelectorAll("svg[role=img], table, dialog, nav, [role=region]")) {
        const caption = one.caption?.textContent;
        if (!caption && !one.getAttribute("aria-label") && !one.getAttribute("aria-labelledby")) nameless.push(one.outerHTML);
      }
      for (const one of document.querySelectorAll("svg:not([role=img])")) if (!one.getAttribute("aria-hidden")) nameless.push(one.outerHTML);
      if (document.querySelectorAll("h1").length !== 1) nameless.push("not one h1");
      const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
      if (new Set(ids).size !== ids.length) nameless.push("an id is there twice");
      return nameless.map((one) => one.slice(0, 200)).join("\n");
    ]]

    -- Contrast as https://www.w3.org/TR/WCAG21/#contrast-minimum has it, of every text that is shown.
    local PALE = [[
      const channel = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
      const colour = (text) => text.match(/[\d.]+/g).map(Number);
      const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
          const found = colour(getComputedStyle(at).backgroundColor);
          if (found.length === 3 || found[3] === 1) return found;
        }
        return [255, 255, 255];
      };
      const pale = [];
      for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || !element.checkVisibility() || element.closest(".unseen, :disabled, svg")) continue;
        const pair = [light(colour(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
        const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
        if (ratio < 4.5) pale.push(`${ratio.toFixed(2)}: ${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
      }
      return pale.join("\n");
    ]]

    local function screens()
      local id = running.dataset("Screens")
      running.ingest(id, running.put("s.csv", "day,price\n2020-01-01,1\n2020-01-02,2\n"))
      running.view(id)
      local list = {
        "#/datasets",
        "#/users",
        "#/users/" .. running.sql("SELECT id FROM users LIMIT 1"):gsub("%s", ""),
        "#/groups",
      }
      list[#list + 1] = "#/groups/" .. running.sql("SELECT id FROM permission_groups LIMIT 1"):gsub("%s", "")
      for _, tab in ipairs { "columns", "rows", "chart", "changesets", "views", "load" } do
        list[#list + 1] = ("#/datasets/%s/%s"):format(id, tab)
      end
      return list
    end

    local function look_at(path, found)
      found.nameless[path] = page:run(NAMELESS)
      for _, scheme in ipairs { "dark", "light" } do
        page:scheme(scheme)
        found.pale[path .. ", " .. scheme] = page:run(PALE)
      end
      page:size(360, 740)
      found.wide[path] = page:run("return document.documentElement.scrollWidth > 360 ? 'wide' : ''")
      page:size(1280, 900)
    end

    local DIALOGS = {
      ["#/datasets"] = "Create dataset",
      ["#/users"] = "Create user",
      ["#/groups"] = "Create group",
    }

    -- One walk through all screens serves three sentences.
    local surveyed
    local function survey()
      if surveyed then return surveyed end
      surveyed = { nameless = {}, pale = {}, wide = {} }
      leave()
      page:open(address())
      page:await("document.querySelector('h1')")
      look_at("sign in", surveyed)
      enter_as_owner()
      for _, path in ipairs(screens()) do
        page:run("document.querySelector('#main').replaceChildren()")
        show(path, "document.querySelector('h1') && !document.querySelector('.waiting')")
        if path:find("/views$") then
          page:press("Files")
          page:await("document.querySelector('.files table')")
        end
        look_at(path, surveyed)
      end
      for path, label in pairs(DIALOGS) do
        show(path, "document.querySelector('h1') && !document.querySelector('.waiting')")
        page:press(label, "main")
        page:await("document.querySelector('dialog') && !document.querySelector('dialog .waiting')")
        look_at(label, surveyed)
        page:key(ESCAPE)
      end
      page:assert_no_complaints()
      return surveyed
    end

    local function assert_none(found)
      assert.truthy(next(found))
      for path, problem in pairs(found) do
        assert.equal("", problem, path)
      end
    end

    it_in_browser(
      "with a name for every control, picture and region of every screen",
      function() assert_none(survey().nameless) end
    )

    it_in_browser("with text that stands out, light and dark", function() assert_none(survey().pale) end)

    it_in_browser(
      "on a screen of 360 pixels, where nothing stands out at the side",
      function() assert_none(survey().wide) end
    )

    it_in_browser("by keyboard: the focus goes from the top to the bottom, and a menu takes arrows", function()
      enter_as_owner()
      page:await("document.querySelector('.list')")
      page:run("document.querySelector('.skip').focus()")
      local seen = {}
      for i = 1, 8 do
        if i > 1 then page:key(TAB) end
        seen[#seen + 1] =
          page:run("const at = document.activeElement; return (at.getAttribute('aria-label') ?? at.textContent).trim()")
      end
      local order = "Skip to content|finspace: datasets|Datasets|Users|Groups|Settings|Search datasets|Create dataset"
      assert.equal(order, table.concat(seen, "|"))
      page:run("document.querySelector('.gear').focus()")
      page:key("\238\128\135")
      page:await("document.activeElement.getAttribute('role') === 'menuitem'")
      page:key("\238\128\149")
      assert.equal("Change password", page:run("return document.activeElement.textContent"))
      page:key(ESCAPE)
      assert.equal("Settings", page:run("return document.activeElement.getAttribute('aria-label')"))
      assert.equal("false", page:run("return document.querySelector('.gear').getAttribute('aria-expanded')"))
    end)

    it_in_browser("who manage users and groups", function()
      enter_as_owner("#/users")
      page:press("Create user")
      page:await("document.querySelector('dialog input[type=email]')")
      page:type("dialog input[type=email]", "carol@example.com")
      page:press("Create user", "dialog")
      page:await("document.querySelector('dialog input[readonly]')")
      local password = page:run("return document.querySelector('dialog input[readonly]').value")
      page:press("Done")
      page:press("carol@example.com")
      page:await("document.querySelector('h1')?.textContent.startsWith('carol')")
      page:press("Disable")
      page:press("Disable", "dialog")
      page:await("document.querySelector('h1 .badge')?.textContent === 'DISABLED'")
      page:press("Enable")
      page:await("document.querySelector('h1 .badge')?.textContent === 'ENABLED'")
      page:press("Add", "form")
      page:await("document.querySelector('main table')?.innerText.includes('Administrators')")
      enter_as { email = "carol@example.com", temporary = password, password = "carol has her own" }
      show("#/users", "document.querySelector('.list')")
    end)
  end)
end)
