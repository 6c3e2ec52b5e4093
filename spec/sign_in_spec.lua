local cjson = require("cjson")
local link = require("finspace.service.auth.sign_in_link")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("Signing in #once", function()
  local running

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)
  -- Tries are counted by address, and all of these come from one.
  before_each(function() running.sql("DELETE FROM sign_in_tries") end)

  local function post(path, document, content_type)
    local body = type(document) == "table" and cjson.encode(document) or document
    local answer = running.send {
      method = "POST",
      path = path,
      query = "",
      body = body,
      headers = {
        { "Host", "127.0.0.1:" .. running.port },
        { "Content-Type", content_type or "application/json" },
        { "Content-Length", tostring(#body) },
      },
    }
    local ok, decoded = pcall(cjson.decode, answer.body)
    return answer.status, ok and decoded or answer.body, answer.headers
  end

  local function sign_in(document) return post("/-/sign-in", document) end

  local made = 0

  local function user(given)
    made = made + 1
    local wanted = { emailAddress = ("ann%d@example.com"):format(made), type = "APP_USER", apiAccess = "ENABLED" }
    for name, value in pairs(given or {}) do
      wanted[name] = value
    end
    local id = assert(running.call("CreateUser", wanted)).userId
    local password = assert(running.call("ResetUserPassword", { userId = id })).temporaryPassword
    return { id = id, email = wanted.emailAddress, password = password }
  end

  local function owner_link(now) return link.token(running.credentials.secret_access_key, now or sys.now()) end

  local function keys_of(answer)
    return {
      access_key_id = answer.credentials.accessKeyId,
      secret_access_key = answer.credentials.secretAccessKey,
      session_token = answer.credentials.sessionToken,
    }
  end

  local function with_own_password(ann)
    local status, answer =
      sign_in { emailAddress = ann.email, password = ann.password, newPassword = "a horse of a different colour" }
    assert.equal(200, status)
    ann.password = "a horse of a different colour"
    return answer
  end

  -- Hashes are slow on purpose: one user serves all sentences that change nothing about theirs.
  local known
  local function known_user()
    if not known then
      known = user()
      with_own_password(known)
    end
    return known
  end

  describe("by the owner's link", function()
    local function printed() return running.log():match("/#sign%-in=(%S+)") end

    it("works with the link that the service prints, and gives the owner's keys for an hour", function()
      local status, answer = sign_in { link = printed() }
      assert.equal(200, status)
      assert.is_true(math.abs(answer.credentials.expiration / 1000 - sys.now() - 3600) < 60)
      local who = assert(running.call("GetUser", { userId = answer.userId }, keys_of(answer)))
      assert.equal("owner@finspace.local", who.emailAddress)
    end)

    it("works once", function()
      local token = owner_link()
      assert.equal(200, (sign_in { link = token }))
      local status, answer = sign_in { link = token }
      assert.equal(403, status)
      assert.truthy(answer.message:find("finspace console", 1, true))
    end)

    it("works for ten minutes", function()
      assert.equal(200, (sign_in { link = owner_link(sys.now() - 590) }))
      assert.equal(403, (sign_in { link = owner_link(sys.now() - 601) }))
      assert.equal(403, (sign_in { link = owner_link(sys.now() + 60) }))
    end)

    it("refuses a link that was changed, or sealed with another key", function()
      local expires, number, sealed = owner_link():match("^(%x+)%.(%w+)%.(%x+)$")
      for _, token in ipairs {
        ("%x.%s.%s"):format(tonumber(expires, 16) + 1, number, sealed),
        ("%s.%sa.%s"):format(expires, number, sealed),
        ("%s.%s.%s"):format(expires, number, ("0"):rep(64)),
        link.token("another secret", sys.now()),
        "nonsense",
        ("f"):rep(900) .. "." .. number .. "." .. sealed,
      } do
        assert.equal(403, (sign_in { link = token }), token)
      end
    end)

    local function run_console(path, ...)
      local main = [[os.exit(require("finspace.cli").main({ "console", ... }))]]
      local script = support.write_file(running.data .. "/run/console.lua", main)
      local settings = "FINSPACE_OWNER_KEY_FILE=" .. running.keys_file
      local words = { "PATH=" .. path, settings, support.interpreter(), script, "--data", running.data, ... }
      local output, status = support.run(table.concat(words, " "))
      assert.equal(0, status, output)
      return output
    end

    it("is made anew by `finspace console`", function()
      local output = run_console("$PATH", "--print")
      assert.equal(200, (sign_in { link = output:match("#sign%-in=(%S+)") }))
    end)

    it("is opened by `finspace console` without being seen among the arguments of programs", function()
      local folder = support.temporary_folder()
      support.write_file(folder .. "/xdg-open", '#!/bin/sh\necho "$1" > ' .. folder .. "/opened\n")
      support.run("chmod 755 " .. folder .. "/xdg-open")
      run_console(folder .. ":$PATH")
      local opened = support.read_file(folder .. "/opened"):match("%S+")
      assert.equal(tonumber("600", 8), sys.stat(opened).mode % 512)
      assert.equal(200, (sign_in { link = support.read_file(opened):match("#sign%-in=([%w%.]+)") }))
      support.remove_folder(folder)
    end)

    it("is not made for a folder that no service uses", function()
      local _, problem = require("finspace.service").console_link { data = "/nowhere" }
      assert.truthy(problem:find("finspace serve", 1, true))
    end)
  end)

  describe("by password", function()
    it("asks for a new password where the old one is temporary, and gives no keys before", function()
      local ann = user()
      local status, answer, headers = sign_in { emailAddress = ann.email, password = ann.password }
      assert.equal(403, status)
      assert.equal("PasswordChangeRequired", headers["x-amzn-errortype"])
      assert.is_nil(answer.credentials)
      with_own_password(ann)
      assert.equal(200, (sign_in { emailAddress = ann.email:upper(), password = ann.password }))
    end)

    it("gives keys that may do what the user may do", function()
      local ann = user()
      local keys = keys_of(with_own_password(ann))
      assert(running.call("GetUser", { userId = ann.id }, keys))
      local _, err = running.call("ListUsers", { maxResults = 10 }, keys)
      assert.equal("AccessDeniedException", err.code)
    end)

    it("needs no API access, which is the right to have keys for programs", function()
      local ann = user { apiAccess = "DISABLED" }
      local keys = keys_of(with_own_password(ann))
      assert(running.call("GetUser", { userId = ann.id }, keys))
      local _, err = running.call("GetProgrammaticAccessCredentials", { environmentId = "any" }, keys)
      assert.equal("AccessDeniedException", err.code)
    end)

    it("refuses new passwords that are short, long, the old one or the address", function()
      local ann = user()
      for _, new_password in ipairs { "1234567", ("x"):rep(257), ann.password, ann.email, "" } do
        local status = sign_in { emailAddress = ann.email, password = ann.password, newPassword = new_password }
        assert.equal(400, status, new_password)
        running.sql("DELETE FROM sign_in_tries")
      end
    end)

    it("ends the earlier password with a reset", function()
      local ann = user()
      with_own_password(ann)
      assert(running.call("ResetUserPassword", { userId = ann.id }))
      assert.equal(403, (sign_in { emailAddress = ann.email, password = ann.password }))
    end)

    it("says the same of a wrong password and of an address that nobody has", function()
      local ann = known_user()
      local never = assert(running.call("CreateUser", { emailAddress = "never@example.com", type = "APP_USER" }))
      assert.is_string(never.userId)
      local answers = {}
      for _, email in ipairs { ann.email, "nobody@example.com", "never@example.com", "'; --" } do
        local status, answer, headers = sign_in { emailAddress = email, password = "wrong" }
        answers[#answers + 1] = table.concat({ status, answer.message, headers["x-amzn-errortype"] }, "|")
      end
      for _, answer in ipairs(answers) do
        assert.equal(answers[1], answer)
      end
    end)

    it("tells only who knows the password that a user is disabled", function()
      local ann = user()
      with_own_password(ann)
      assert(running.call("DisableUser", { userId = ann.id }))
      local _, wrong = sign_in { emailAddress = ann.email, password = "wrong" }
      local status, right = sign_in { emailAddress = ann.email, password = ann.password }
      assert.equal(403, status)
      assert.truthy(right.message:find("disabled", 1, true))
      assert.falsy(wrong.message:find("disabled", 1, true))
    end)

    it("keeps passwords as salted scrypt hashes", function()
      with_own_password(user())
      known_user()
      local hashes = running.sql("SELECT hash FROM passwords WHERE is_temporary = 0")
      local seen = {}
      for salt, key in hashes:gmatch("scrypt:32768:8:3:(%x+):(%x+)") do
        assert.equal(32, #salt)
        assert.is_nil(seen[key])
        seen[key] = true
      end
      assert.truthy(next(seen))
      local dump = running.sql(".dump")
      assert.is_nil(dump:find("a horse of a different colour", 1, true))
    end)

    it("lets another answer while it hashes", function()
      local waiting = {}
      for i = 1, 3 do
        waiting[i] = assert(require("socket").connect("127.0.0.1", running.port))
        local body = cjson.encode { emailAddress = ("x%d@example.com"):format(i), password = "wrong" }
        waiting[i]:send(
          ("POST /-/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"):format(
            #body,
            body
          )
        )
      end
      for _ = 1, 10 do
        assert(running.call("ListDatasets"))
      end
      for _, connection in ipairs(waiting) do
        connection:settimeout(30)
        local line, problem = connection:receive("*l")
        assert.equal("HTTP/1.1 403 Forbidden", line, problem)
        connection:close()
      end
    end)
  end)

  describe("after wrong tries", function()
    local function fail_until_slowed(email, most)
      for count = 1, most do
        local status, answer, headers = sign_in { emailAddress = email, password = "wrong" }
        if status == 429 then return count, answer, headers end
        assert.equal(403, status)
      end
    end

    it("makes an account wait, even one that is not there", function()
      local count, answer, headers = fail_until_slowed("nobody@example.com", 12)
      assert.is_true(count > 5)
      assert.truthy(answer.message:find("wait", 1, true))
      assert.is_true(tonumber(headers["retry-after"]) >= 1)
    end)

    it("makes an account wait, even for the right password", function()
      local ann = known_user()
      sign_in { emailAddress = ann.email, password = "wrong" }
      running.sql("UPDATE sign_in_tries SET failures = 20 WHERE subject LIKE 'account:%'")
      assert.equal(429, (sign_in { emailAddress = ann.email, password = ann.password }))
    end)

    it("makes an address wait, whatever accounts it tries", function()
      sign_in { emailAddress = "first@example.com", password = "wrong" }
      running.sql("UPDATE sign_in_tries SET failures = 60 WHERE subject LIKE 'address:%'")
      assert.equal(429, (sign_in { emailAddress = "second@example.com", password = "wrong" }))
    end)

    it("forgives an account that signs in", function()
      local ann = known_user()
      sign_in { emailAddress = ann.email, password = "wrong" }
      running.sql("UPDATE sign_in_tries SET failures = 4 WHERE subject LIKE 'account:%'")
      assert.equal(200, (sign_in { emailAddress = ann.email, password = ann.password }))
      assert.equal("0\n", running.sql("SELECT count(*) FROM sign_in_tries WHERE subject LIKE 'account:%'"))
    end)

    it("counts many tries at once as many", function()
      running.sql("DELETE FROM sign_in_tries")
      local connections = {}
      local body = cjson.encode { emailAddress = "crowd@example.com", password = "wrong" }
      for i = 1, 12 do
        connections[i] = assert(require("socket").connect("127.0.0.1", running.port))
        connections[i]:send(
          ("POST /-/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"):format(
            #body,
            body
          )
        )
      end
      local slowed = 0
      for _, connection in ipairs(connections) do
        connection:settimeout(30)
        if connection:receive("*l"):find("429", 1, true) then slowed = slowed + 1 end
        connection:close()
      end
      assert.is_true(slowed >= 6, tostring(slowed))
    end)

    it("keeps no address of a person among what it counts", function()
      sign_in { emailAddress = "shy@example.com", password = "my-secret" }
      assert.is_nil(running.sql("SELECT * FROM sign_in_tries"):find("shy", 1, true))
    end)
  end)

  describe("as a request", function()
    it("must be JSON, an object, small, and whole", function()
      assert.equal(415, (post("/-/sign-in", "emailAddress=a&password=b", "application/x-www-form-urlencoded")))
      assert.equal(415, (post("/-/sign-in", "{}", "text/plain")))
      assert.equal(400, (post("/-/sign-in", "[", nil)))
      assert.equal(400, (post("/-/sign-in", "7", nil)))
      assert.equal(400, (post("/-/sign-in", "{}", nil)))
      assert.equal(400, (post("/-/sign-in", { emailAddress = { 1 }, password = true }, nil)))
      assert.equal(400, (post("/-/sign-in", { link = ("x"):rep(5000) }, nil)))
      assert.equal(413, (post("/-/sign-in", { link = ("x"):rep(50000) }, nil)))
    end)

    it("ends its keys at once when it signs out", function()
      local ann = known_user()
      local _, answer = sign_in { emailAddress = ann.email, password = ann.password }
      local keys = keys_of(answer)
      assert(running.call("GetUser", { userId = answer.userId }, keys))
      local asked = { accessKeyId = keys.access_key_id, sessionToken = "not the token" }
      assert.equal(200, (post("/-/sign-out", asked)))
      assert(running.call("GetUser", { userId = answer.userId }, keys))
      asked.sessionToken = keys.session_token
      assert.equal(200, (post("/-/sign-out", asked)))
      assert.is_nil(running.call("GetUser", { userId = answer.userId }, keys))
    end)
  end)
end)
