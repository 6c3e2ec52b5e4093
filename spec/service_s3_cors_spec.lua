local cjson = require("cjson")
local service = require("spec.support.service")
local support = require("spec.support")

local RULES = [[<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <CORSRule><ID>one</ID>
    <AllowedOrigin>https://a.example</AllowedOrigin><AllowedOrigin>https://*.b.example:8443</AllowedOrigin>
    <AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>
    <AllowedHeader>authorization</AllowedHeader><AllowedHeader>X-Amz-*</AllowedHeader>
    <ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-request-id</ExposeHeader>
    <MaxAgeSeconds>600</MaxAgeSeconds>
  </CORSRule>
  <CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>HEAD</AllowedMethod></CORSRule>
</CORSConfiguration>]]

local BOTO3 = [[
import boto3, sys
from botocore.exceptions import ClientError
s3 = boto3.client("s3", endpoint_url=sys.argv[1])
rules = {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]}
s3.put_bucket_cors(Bucket="open", CORSConfiguration=rules)
print(s3.get_bucket_cors(Bucket="open")["CORSRules"])
s3.delete_bucket_cors(Bucket="open")
try:
    s3.get_bucket_cors(Bucket="open")
except ClientError as refusal:
    print(refusal.response["Error"]["Code"])
]]

describe("The service's S3 half and pages of other origins #once", function()
  local running

  setup(function()
    running = service.start()
    for _, name in ipairs { "open", "plain" } do
      assert.equal(200, running.ask({ service = "s3", method = "PUT", path = "/" .. name }).status)
    end
  end)
  teardown(function() running.stop() end)

  local function rules(method, body, bucket)
    return running.ask { service = "s3", method = method, path = bucket or "/open", query = "cors", body = body }
  end

  local function code_of(answer) return answer.body:match("<Code>(.-)</Code>") end

  local function ask_first(path, origin, method, names)
    local headers = { { "Host", "127.0.0.1:" .. running.port }, { "Origin", origin } }
    headers[#headers + 1] = method and { "Access-Control-Request-Method", method }
    headers[#headers + 1] = names and { "Access-Control-Request-Headers", names }
    return running.send { method = "OPTIONS", path = path, query = "", headers = headers }
  end

  local function as_page(origin, wanted)
    wanted.service, wanted.headers = "s3", { { "Origin", origin } }
    return running.ask(wanted)
  end

  before_each(function() assert.equal(200, rules("PUT", RULES).status) end)

  describe("keeps a bucket's rules", function()
    it("and gives them back until they are deleted", function()
      local answer = rules("GET")
      assert.equal(200, answer.status)
      local flat = answer.body:gsub("^<%?xml.-%?>%s*", "")
      assert.equal(RULES:gsub(">%s+<", "><"), flat)
      assert.equal(204, rules("DELETE").status)
      assert.same({ 404, "NoSuchCORSConfiguration" }, { rules("GET").status, code_of(rules("GET")) })
      assert.equal(204, rules("DELETE").status)
    end)

    it("which boto3 sets, reads and deletes", function()
      local python, missing = support.boto3()
      if missing then return pending(missing) end
      local folder = support.temporary_folder()
      local path = support.write_file(folder .. "/rules.py", BOTO3)
      local command = ("%s %s %s %s"):format(running.shell(), python, path, running.endpoint)
      local output, status = support.run(command)
      assert.equal(0, status, output)
      assert.equal("[{'AllowedMethods': ['GET'], 'AllowedOrigins': ['*']}]\nNoSuchCORSConfiguration\n", output)
      support.remove_folder(folder)
    end)

    it("and forgets them with the bucket", function()
      running.ask { service = "s3", method = "PUT", path = "/leaving" }
      assert.equal(200, rules("PUT", RULES, "/leaving").status)
      running.ask { service = "s3", method = "DELETE", path = "/leaving" }
      running.ask { service = "s3", method = "PUT", path = "/leaving" }
      assert.equal(404, rules("GET", nil, "/leaving").status)
    end)

    it("which a user may not change in a bucket of others", function()
      local made = assert(running.call("CreateUser", { emailAddress = "u@example.com", type = "APP_USER" }))
      running.sql(
        ("INSERT INTO access_keys (id, secret, user_id) VALUES ('AKIAUSER', 'secret', '%s')"):format(made.userId)
      )
      running.sql("UPDATE users SET api_access = 'ENABLED'")
      local keys = { access_key_id = "AKIAUSER", secret_access_key = "secret" }
      for _, method in ipairs { "PUT", "GET", "DELETE" } do
        local answer = running.ask {
          service = "s3",
          method = method,
          path = "/open",
          query = "cors",
          body = method == "PUT" and RULES or nil,
          credentials = keys,
        }
        assert.same({ method, 403, "AccessDenied" }, { method, answer.status, code_of(answer) })
      end
    end)

    it("and refuses what S3 refuses", function()
      local function one(content) return "<CORSConfiguration><CORSRule>" .. content .. "</CORSRule></CORSConfiguration>" end
      local good = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
      local many = ("<CORSRule>%s</CORSRule>"):format(good)
      local cases = {
        [""] = "MalformedXML",
        ["<CORSConfiguration/>"] = "MalformedXML",
        [one("")] = "MalformedXML",
        [one("<AllowedOrigin>*</AllowedOrigin>")] = "MalformedXML",
        [one("<AllowedMethod>GET</AllowedMethod>")] = "MalformedXML",
        [one(good .. "<Other>1</Other>")] = "MalformedXML",
        [one(good .. "<MaxAgeSeconds>soon</MaxAgeSeconds>")] = "MalformedXML",
        [one(good .. "<MaxAgeSeconds>1</MaxAgeSeconds><MaxAgeSeconds>2</MaxAgeSeconds>")] = "MalformedXML",
        [one(good):gsub("^", "<!DOCTYPE x>")] = "MalformedXML",
        ["<CORSConfiguration>" .. many:rep(101) .. "</CORSConfiguration>"] = "MalformedXML",
        [one(good .. ("<!-- -->"):rep(9000))] = "MalformedXML",
        [one("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod>")] = "InvalidRequest",
        [one("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>get</AllowedMethod>")] = "InvalidRequest",
        [one("<AllowedOrigin>http://*.*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>")] = "InvalidRequest",
        [one(good .. "<AllowedHeader>*-*</AllowedHeader>")] = "InvalidRequest",
        [one(good .. "<ExposeHeader>x-amz-*</ExposeHeader>")] = "InvalidRequest",
        [one(good .. "<ID>" .. ("x"):rep(256) .. "</ID>")] = "InvalidRequest",
      }
      for document, code in pairs(cases) do
        local answer = rules("PUT", document)
        assert.same({ document, 400, code }, { document, answer.status, code_of(answer) })
      end
      assert.truthy(rules("GET").body:find("<ID>one</ID>", 1, true))
      assert.equal(200, rules("PUT", "<CORSConfiguration>" .. many:rep(100) .. "</CORSConfiguration>").status)
    end)
  end)

  describe("answers a browser that asks first", function()
    it("what the first rule allows that matches", function()
      local answer = ask_first("/open/a%20key", "https://a.example", "PUT", "authorization, X-Amz-Date")
      assert.equal(200, answer.status)
      local headers = answer.headers
      assert.equal("https://a.example", headers["access-control-allow-origin"])
      assert.equal("true", headers["access-control-allow-credentials"])
      assert.equal("GET, PUT", headers["access-control-allow-methods"])
      assert.equal("authorization, x-amz-date", headers["access-control-allow-headers"])
      assert.equal("ETag, x-amz-request-id", headers["access-control-expose-headers"])
      assert.equal("600", headers["access-control-max-age"])
      assert.truthy(headers.vary:find("Origin", 1, true))
      local any = ask_first("/open", "https://a.example", "HEAD").headers
      assert.equal("*", any["access-control-allow-origin"])
      assert.is_nil(any["access-control-allow-credentials"])
    end)

    it("with a wildcard that stands for any text, and for nothing else", function()
      local expected = {
        ["https://www.b.example:8443"] = 200,
        ["https://.b.example:8443"] = 200,
        ["https://www.b.example"] = 403,
        ["https://b.example:8443"] = 403,
        ["https://www.b.example:8443.evil.example"] = 403,
        ["http://www.b.example:8443"] = 403,
        ["https://A.example"] = 403,
        ["https://a.example.evil.example"] = 403,
        ["null"] = 403,
      }
      for origin, status in pairs(expected) do
        assert.same({ origin, status }, { origin, ask_first("/open/k", origin, "GET").status })
      end
    end)

    it("no, where a method or a header is not allowed, or there are no rules", function()
      for _, wanted in ipairs {
        { "/open/k", "https://a.example", "DELETE" },
        { "/open/k", "https://a.example", "get" },
        { "/open/k", "https://a.example", "PUT", "authorization,x-other" },
        { "/plain/k", "https://a.example", "GET" },
        { "/not-there/k", "https://a.example", "GET" },
        { "/", "https://a.example", "GET" },
        { "/datasetsv2", "https://a.example", "GET" },
      } do
        local answer = ask_first((table.unpack or unpack)(wanted))
        assert.same({ 403, "AccessForbidden" }, { answer.status, code_of(answer) }, cjson.encode(wanted))
        assert.is_nil(answer.headers["access-control-allow-origin"])
      end
      assert.same({ 400, "BadRequest" }, { ask_first("/open/k", "https://a.example").status, "BadRequest" })
    end)
  end)

  describe("lets a page read", function()
    it("an object, a part of it and its ETag", function()
      local put = as_page("https://a.example", { method = "PUT", path = "/open/k", body = "0123456789" })
      assert.equal("https://a.example", put.headers["access-control-allow-origin"])
      local request = running.sign { service = "s3", path = "/open/k" }
      table.insert(request.headers, { "Origin", "https://a.example" })
      table.insert(request.headers, { "Range", "bytes=2-4" })
      local got = running.send(request)
      assert.same({ 206, "234" }, { got.status, got.body })
      assert.equal("ETag, x-amz-request-id", got.headers["access-control-expose-headers"])
      assert.equal("bytes 2-4/10", got.headers["content-range"])
    end)

    it("why it was refused", function()
      local missing = as_page("https://a.example", { path = "/open/missing" })
      assert.same({ 404, "https://a.example" }, { missing.status, missing.headers["access-control-allow-origin"] })
      local keys = { access_key_id = "AKIANOBODY", secret_access_key = "x" }
      local unknown = as_page("https://a.example", { path = "/open/k", credentials = keys })
      assert.same({ 403, "InvalidAccessKeyId" }, { unknown.status, code_of(unknown) })
      assert.equal("https://a.example", unknown.headers["access-control-allow-origin"])
    end)

    it("nothing where no rule says so, or the page is of no other origin", function()
      for _, asked in ipairs {
        as_page("https://evil.example", { path = "/open/k" }),
        as_page("https://a.example", { path = "/plain" }),
        as_page("https://a.example", { path = "/open/k", method = "DELETE" }),
        running.ask { service = "s3", path = "/open/k" },
      } do
        assert.is_nil(asked.headers["access-control-allow-origin"])
        assert.is_nil(asked.headers.vary)
      end
    end)
  end)
end)
