local chunked = require("spec.support.chunked")
local core = require("finspace.core")
local mime = require("mime")
local service = require("spec.support.service")
local sys = require("finspace.sys")

local SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
local TRAILED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
local UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
local CHUNKS = { ("a"):rep(70000), ("b"):rep(8192), "end" }
local WHOLE = table.concat(CHUNKS)
local TRAILER = { "x-amz-checksum-crc64nvme", (mime.b64(core.crc("crc64nvme", WHOLE))) }

describe("An upload in chunks #once", function()
  local running
  setup(function() running = service.start() end)
  teardown(function() running.stop() end)

  local function get(key) return running.ask { service = "s3", path = "/finspace-local/" .. key } end
  local function code_of(answer) return answer.body:match("<Code>(.-)</Code>") end

  -- A signed request whose body is yet to be set; `more` are headers.
  local function request_for(word, key, more)
    local headers = { { "Content-Encoding", "aws-chunked" }, { "x-amz-decoded-content-length", tostring(#WHOLE) } }
    if word ~= SIGNED then headers[#headers + 1] = { "x-amz-trailer", TRAILER[1] } end
    for _, header in ipairs(more or {}) do
      headers[#headers + 1] = header
    end
    return running.sign {
      service = "s3",
      method = "PUT",
      path = "/finspace-local/" .. key,
      headers = headers,
      payload_hash = word,
      has_no_length = true,
    }
  end

  local function body_for(word, request)
    local signer = word ~= UNSIGNED and chunked.signer(request, running.credentials.secret_access_key) or nil
    return chunked.body(CHUNKS, signer, word ~= SIGNED and TRAILER or nil)
  end

  local function send(request, body)
    request.body = body
    table.insert(request.headers, { "Content-Length", tostring(#body) })
    return running.send(request)
  end

  local function to_http_chunks(body)
    local out = {}
    for at = 1, #body, 5000 do
      local piece = body:sub(at, at + 4999)
      out[#out + 1] = ("%x\r\n%s\r\n"):format(#piece, piece)
    end
    return table.concat(out) .. "0\r\n\r\n"
  end

  for _, word in ipairs { SIGNED, TRAILED, UNSIGNED } do
    describe("as " .. word, function()
      it("is kept without its frame, and without the word aws-chunked", function()
        local request = request_for(word, "whole")
        local answer = send(request, body_for(word, request))
        assert.equal(200, answer.status, answer.body)
        local found = get("whole")
        assert.equal(core.sha256(WHOLE), core.sha256(found.body))
        assert.is_nil(found.headers["content-encoding"])
      end)

      it("may come without a Content-Length, in the chunks of HTTP", function()
        local request = request_for(word, "streamed")
        request.body = to_http_chunks(body_for(word, request))
        table.insert(request.headers, { "Transfer-Encoding", "chunked" })
        local answer = running.send(request)
        assert.equal(200, answer.status, answer.body)
        assert.equal(core.sha256(WHOLE), core.sha256(get("streamed").body))
      end)

      -- Each byte of the frame and some of what it holds; a signature says no more than its own text.
      it("stores nothing when a byte of it was altered, or it was cut off", function()
        local request = request_for(word, "altered")
        local body = body_for(word, request)
        for i = 1, 60 do
          local at = math.floor(#body * i / 61) - (i % 3)
          local bad = body:sub(1, at - 1) .. string.char((body:byte(at) + 1) % 256) .. body:sub(at + 1)
          local again = request_for(word, "altered")
          local secret = running.credentials.secret_access_key
          local right = chunked.body(
            CHUNKS,
            word ~= UNSIGNED and chunked.signer(again, secret) or nil,
            word ~= SIGNED and TRAILER or nil
          )
          bad = right:sub(1, at - 1) .. bad:sub(at, at) .. right:sub(at + 1)
          assert.is_true(send(again, bad).status >= 400, "byte " .. at)
          assert.is_true(send(request_for(word, "altered"), right:sub(1, at)).status >= 400, "cut behind byte " .. at)
        end
        assert.equal("NoSuchKey", code_of(get("altered")))
        assert.same({}, sys.list(running.data .. "/objects/incoming"))
      end)

      it("says how many bytes its chunks hold, and holds so many", function()
        for _, length in ipairs { #WHOLE - 1, #WHOLE + 1, 0 } do
          local request = request_for(word, "length")
          local changed = running.sign {
            service = "s3",
            method = "PUT",
            path = request.path,
            headers = { { "x-amz-decoded-content-length", tostring(length) }, { "x-amz-trailer", TRAILER[1] } },
            payload_hash = word,
            has_no_length = true,
          }
          assert.equal("IncompleteBody", code_of(send(changed, body_for(word, changed))))
        end
        local without = running.sign {
          service = "s3",
          method = "PUT",
          path = "/finspace-local/length",
          payload_hash = word,
          has_no_length = true,
        }
        assert.equal("MissingContentLength", code_of(send(without, body_for(word, without))))
        assert.equal("NoSuchKey", code_of(get("length")))
      end)
    end)
  end

  it("is refused when the request's own signature is not right", function()
    local request = request_for(SIGNED, "seed")
    local body = body_for(SIGNED, request)
    request.path = "/finspace-local/other"
    local answer = send(request, body)
    assert.same({ 403, "SignatureDoesNotMatch" }, { answer.status, code_of(answer) })
  end)

  it("has the trailer that was announced, and no other", function()
    for _, announced in ipairs { "x-amz-checksum-crc32", "x-amz-checksum-crc64nvme, x-amz-checksum-sha1", "x-amz-meta-x" } do
      local request = running.sign {
        service = "s3",
        method = "PUT",
        path = "/finspace-local/announced",
        headers = { { "x-amz-decoded-content-length", tostring(#WHOLE) }, { "x-amz-trailer", announced } },
        payload_hash = UNSIGNED,
        has_no_length = true,
      }
      assert.equal(400, send(request, chunked.body(CHUNKS, nil, TRAILER)).status)
    end
    local request = request_for(UNSIGNED, "announced")
    local answer = send(request, chunked.body(CHUNKS, nil, { TRAILER[1], "AAAAAAAAAAA=" }))
    assert.equal("BadDigest", code_of(answer))
    assert.equal("NoSuchKey", code_of(get("announced")))
  end)

  it("gives its checksum back to who asks for it", function()
    local request = request_for(TRAILED, "kept")
    local answer = send(request, body_for(TRAILED, request))
    assert.equal(TRAILER[2], answer.headers["x-amz-checksum-crc64nvme"])
    local head = running.ask {
      service = "s3",
      method = "HEAD",
      path = "/finspace-local/kept",
      headers = { { "x-amz-checksum-mode", "ENABLED" } },
    }
    assert.same(
      { TRAILER[2], "FULL_OBJECT" },
      { head.headers["x-amz-checksum-crc64nvme"], head.headers["x-amz-checksum-type"] }
    )
    assert.is_nil(get("kept").headers["x-amz-checksum-crc64nvme"])
  end)

  it("fills a part, too", function()
    local begun = running.ask { service = "s3", method = "POST", path = "/finspace-local/part", query = "uploads" }
    local id = begun.body:match("<UploadId>(.-)<")
    local request = running.sign {
      service = "s3",
      method = "PUT",
      path = "/finspace-local/part",
      query = "partNumber=1&uploadId=" .. id,
      headers = { { "x-amz-decoded-content-length", tostring(#WHOLE) } },
      payload_hash = SIGNED,
      has_no_length = true,
    }
    assert.equal(200, send(request, body_for(SIGNED, request)).status)
    local completed = running.ask {
      service = "s3",
      method = "POST",
      path = "/finspace-local/part",
      query = "uploadId=" .. id,
      body = ("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part>"):format(
        running
          .ask({ service = "s3", path = "/finspace-local/part", query = "uploadId=" .. id }).body
          :match("<ETag>(.-)</ETag>")
      ) .. "</CompleteMultipartUpload>",
    }
    assert.equal(200, completed.status, completed.body)
    assert.equal(core.sha256(WHOLE), core.sha256(get("part").body))
  end)
end)
