local cjson = require("cjson")
local core = require("finspace.core")
local service = require("spec.support.service")
local session_policy = require("finspace.service.auth.session_policy")

local function document(statements) return cjson.encode { Version = "2012-10-17", Statement = statements } end

local function policy(statements) return assert(session_policy.read(document(statements))) end

describe("A session policy", function()
  local own = policy {
    { Effect = "Allow", Action = { "s3:Get*", "s3:PutObject" }, Resource = "arn:aws:s3:::lake/scratch/me/*" },
    {
      Effect = "Allow",
      Action = "s3:ListBucket",
      Resource = "arn:aws:s3:::lake",
      Condition = { StringLike = { ["s3:prefix"] = { "scratch/me/*" } } },
    },
  }

  it("allows what a statement names, and nothing else", function()
    assert.is_true(own:allows("s3:GetObject", "arn:aws:s3:::lake/scratch/me/a/b.csv"))
    assert.is_true(own:allows("S3:putobject", "arn:aws:s3:::lake/scratch/me/"))
    assert.is_false(own:allows("s3:DeleteObject", "arn:aws:s3:::lake/scratch/me/a"))
    assert.is_false(own:allows("s3:GetObject", "arn:aws:s3:::lake/scratch/you/a"))
    assert.is_false(own:allows("s3:GetObject", "arn:aws:s3:::lake/scratch/me"))
    assert.is_false(own:allows("s3:GetObject", "arn:aws:s3:::LAKE/scratch/me/a"))
  end)

  it("asks its conditions, which nothing fulfils that is not there", function()
    assert.is_true(own:allows("s3:ListBucket", "arn:aws:s3:::lake", { ["s3:prefix"] = "scratch/me/" }))
    assert.is_false(own:allows("s3:ListBucket", "arn:aws:s3:::lake", { ["s3:prefix"] = "scratch/" }))
    assert.is_false(own:allows("s3:ListBucket", "arn:aws:s3:::lake"))
  end)

  it("denies before it allows, and can speak of all but something", function()
    local rules = policy {
      { Effect = "Allow", NotAction = "s3:Delete*", Resource = "*" },
      { Effect = "Deny", Action = "*", NotResource = { "arn:aws:s3:::a/*", "arn:aws:s3:::a" } },
    }
    assert.is_true(rules:allows("s3:PutObject", "arn:aws:s3:::a/x"))
    assert.is_false(rules:allows("s3:DeleteObject", "arn:aws:s3:::a/x"))
    assert.is_false(rules:allows("s3:PutObject", "arn:aws:s3:::b/x"))
  end)

  it("reads * and ? as IAM does, in a bounded time", function()
    local rules = policy { { Effect = "Allow", Action = "s3:*Object", Resource = "arn:aws:s3:::b/?/*x*.csv" } }
    assert.is_true(rules:allows("s3:GetObject", "arn:aws:s3:::b/1/deep/er/ax.y.csv"))
    assert.is_false(rules:allows("s3:GetObject", "arn:aws:s3:::b/12/ax.csv"))
    assert.is_false(rules:allows("s3:GetObject", "arn:aws:s3:::b/1/ay.csv"))
    local hostile = policy { { Effect = "Allow", Action = "*", Resource = ("*a"):rep(400) .. "*b" } }
    assert.is_false(hostile:allows("s3:GetObject", ("a"):rep(1000)))
  end)

  it("is refused where it is not understood to the letter", function()
    local allow = { Effect = "Allow", Action = "s3:*", Resource = "*" }
    local function with(name, value)
      local statement = { [name] = value }
      for member, given in pairs(allow) do
        if statement[member] == nil then statement[member] = given end
      end
      return document { statement }
    end
    for _, text in ipairs {
      "",
      "[]",
      "{",
      '"s3:*"',
      document {},
      document { "x" },
      cjson.encode { Version = "2008-10-17", Statement = { allow } },
      cjson.encode { Statement = { allow }, Extra = 1 },
      with("Effect", "allow"),
      with("Principal", "*"),
      with("NotAction", "s3:*"),
      with("Action", { 1 }),
      with("Action", {}),
      with("Resource", "arn:aws:s3:::b/${aws:username}/*"),
      with("Condition", { Bool = { ["aws:SecureTransport"] = "true" } }),
      with("Condition", { StringLike = { ["aws:username"] = "me" } }),
      with("Condition", { StringLikeIfExists = { ["s3:prefix"] = "me" } }),
      with("Sid", nil):sub(1, -2) .. (" "):rep(2048) .. "}",
    } do
      local found, problem = session_policy.read(text)
      assert.is_nil(found, text)
      assert.is_string(problem)
    end
  end)
end)

describe("AssumeRole with a session policy #once", function()
  local running
  local OWNER = "arn:aws:iam::000000000000:role/finspace-owner"

  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function ask_sts(fields, keys)
    local words = { "Action=AssumeRole&RoleSessionName=spec" }
    for name, value in pairs(fields) do
      words[#words + 1] = name .. "=" .. core.uri_encode(value)
    end
    local body = table.concat(words, "&")
    return running.ask { method = "POST", path = "/", service = "sts", body = body, credentials = keys }
  end

  local function assume(statements)
    local answer = ask_sts { RoleArn = OWNER, Policy = document(statements), DurationSeconds = "900" }
    assert.equal(200, answer.status, answer.body)
    return {
      access_key_id = answer.body:match("<AccessKeyId>(.-)<"),
      secret_access_key = answer.body:match("<SecretAccessKey>(.-)<"),
      session_token = answer.body:match("<SessionToken>(.-)<"),
    }
  end

  local function status(keys, method, path, more)
    local wanted = { service = "s3", method = method, path = "/finspace-local" .. path, credentials = keys }
    for name, value in pairs(more or {}) do
      wanted[name] = value
    end
    return running.ask(wanted).status
  end

  local function on(path) return "arn:aws:s3:::finspace-local" .. path end

  it("gives keys that open what it says, for S3 alone", function()
    local keys = assume {
      { Effect = "Allow", Action = { "s3:GetObject", "s3:PutObject" }, Resource = on("/lake/scratch/me/*") },
      {
        Effect = "Allow",
        Action = "s3:ListBucket",
        Resource = on(""),
        Condition = { StringLike = { ["s3:prefix"] = "lake/scratch/me/*" } },
      },
    }
    assert.equal(200, status(keys, "PUT", "/lake/scratch/me/a", { body = "1" }))
    assert.equal(200, status(keys, "GET", "/lake/scratch/me/a"))
    assert.equal(200, status(nil, "PUT", "/lake/scratch/you/a", { body = "1" }))
    assert.equal(403, status(keys, "GET", "/lake/scratch/you/a"))
    assert.equal(403, status(keys, "PUT", "/lake/scratch/you/a", { body = "2" }))
    assert.equal(403, status(keys, "DELETE", "/lake/scratch/me/a"))
    assert.equal(200, status(keys, "GET", "", { query = "list-type=2&prefix=lake%2Fscratch%2Fme%2F" }))
    assert.equal(403, status(keys, "GET", "", { query = "list-type=2&prefix=lake%2Fscratch%2F" }))
    assert.equal(403, status(keys, "GET", "", { query = "list-type=2" }))
    assert.equal(403, running.ask({ service = "s3", path = "/", credentials = keys }).status)
    local copied = { headers = { { "x-amz-copy-source", "/finspace-local/lake/scratch/you/a" } } }
    assert.equal(403, status(keys, "PUT", "/lake/scratch/me/b", copied))
    local result, err = running.call("ListDatasets", {}, keys)
    assert.is_nil(result)
    assert.equal("AccessDeniedException", err.code)
  end)

  it("gives read-only keys that write and delete nothing, one by one or many at once", function()
    local keys = assume { { Effect = "Allow", Action = "s3:GetObject", Resource = on("/lake/*") } }
    assert.equal(200, status(nil, "PUT", "/lake/x", { body = "1" }))
    assert.equal(200, status(keys, "GET", "/lake/x"))
    assert.equal(403, status(keys, "PUT", "/lake/x", { body = "2" }))
    assert.equal(403, status(keys, "POST", "/lake/x", { query = "uploads=" }))
    local list = "<Delete><Object><Key>lake/x</Key></Object></Delete>"
    local answer = running.ask {
      service = "s3",
      method = "POST",
      path = "/finspace-local",
      query = "delete=",
      body = list,
      credentials = keys,
    }
    assert.is_nil(answer.body:find("<Deleted>", 1, true), answer.body)
    assert.equal(200, status(nil, "GET", "/lake/x"))
  end)

  it(
    "is refused where the policy is not understood, the role is unknown, or the keys are such keys themselves",
    function()
      local refused = ask_sts { RoleArn = OWNER, Policy = '{"Version":"2012-10-17"}' }
      assert.equal(400, refused.status)
      assert.matches("MalformedPolicyDocument", refused.body, 1, true)
      assert.equal(400, ask_sts({ RoleArn = OWNER, DurationSeconds = "899" }).status)
      assert.equal(403, ask_sts({ RoleArn = OWNER .. "x" }).status)
      local keys = assume { { Effect = "Allow", Action = "*", Resource = "*" } }
      assert.equal(403, ask_sts({ RoleArn = OWNER }, keys).status)
    end
  )
end)
