local core = require("finspace.core")
local support = require("spec.support")
local vectors = require("spec.support.vectors")

local function assert_stages(expected, result, label)
  for stage, text in pairs(expected) do
    assert.are.equal(text, result[stage], label .. ", " .. stage)
  end
end

describe("published vectors of Signature Version 4", function()
  local shared = support.shared()

  describe("of aws-c-auth", function()
    if not shared then
      return it("hold", function() pending("others' vectors are not beside this checkout (../shared)") end)
    end
    local folder = shared .. "/vectors/sigv4"
    for _, form in ipairs { "header", "query" } do
      it("are met in every stage of the " .. form .. " form", function()
        local names = vectors.cases(folder)
        assert.is_true(#names >= 25)
        for _, name in ipairs(names) do
          local raw, expected = vectors.case(folder, name, form)
          assert_stages(expected, assert(core.sign(raw)), name)
        end
      end)
    end

    it("are accepted by verification where all that matters is signed", function()
      local accepted = 0
      for _, name in ipairs(vectors.cases(folder)) do
        local raw = vectors.case(folder, name, "header")
        local signed = assert(core.sign(raw))
        for _, header in ipairs(signed.headers) do
          table.insert(raw.headers, header)
        end
        local auth = assert(core.authorization(raw))
        assert.is_true(
          core.verify(raw, auth, raw.credentials.secret_access_key, {
            now = raw.time,
            region = raw.region,
            service = raw.service,
            normalize = raw.normalize,
          }),
          name
        )
        accepted = accepted + 1
      end
      assert.is_true(accepted >= 25)
    end)
  end)

  describe("of the S3 reference", function()
    if not shared then
      return it("hold", function() pending("others' vectors are not beside this checkout (../shared)") end)
    end
    local book = require("cjson").decode(support.read_file(shared .. "/vectors/s3-docs-sigv4/cases.json"))
    for _, case in ipairs(book.cases) do
      it("are met in every stage: " .. case.name, function()
        local query = case.canonical_query
        local raw = {
          method = case.method,
          path = case.path,
          headers = {},
          payload_hash = case.payload_hash,
          region = book.region,
          service = book.service,
          time = 1369353600,
          sign_body = false,
          credentials = { access_key_id = book.access_key, secret_access_key = book.secret_key },
        }
        if query:find("X%-Amz%-Algorithm") then
          raw.form, raw.expires, query = "query", tonumber(query:match("X%-Amz%-Expires=(%d+)")), ""
        end
        raw.query = query
        for name, value in pairs(case.headers) do
          table.insert(raw.headers, { name, value })
        end
        local result = assert(core.sign(raw))
        assert.are.equal(case.canonical_request, result.canonical_request)
        assert.are.equal(case.string_to_sign, result.string_to_sign)
        assert.are.equal(case.signature, result.signature)
      end)
    end
  end)
end)
