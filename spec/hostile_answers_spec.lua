--- Whatever a service answers, a verb gives a result that was proven, or nil and an err: it never raises, and never
--- says nothing.
local errors = require("finspace.errors")
local support = require("spec.support")
local world = require("spec.support.world")

local BODIES = {
  "",
  " ",
  "{}",
  "null",
  "[]",
  "1.",
  "true",
  '"x"',
  "{}{}",
  "{}\0",
  '{"a":1.}',
  '{"datasets":[{}],"changesets":[{}],"dataViews":[{}]}',
  '{"datasets":[],"changesets":[],"dataViews":[],"nextToken":"again"}',
  '{"datasets":"x","changesets":7,"dataViews":true}',
  '{"datasets":[7],"changesets":["x"],"dataViews":[[]]}',
  '{"datasetId":"d1","changesetId":"c1","dataViewId":"v1"}',
  '{"datasetId":"d1","changesetId":"c1","dataViewId":"v1","status":"SUCCESS","s3Location":{},"credentials":{}}',
  '{"datasetId":"d1","changesetId":"c1","dataViewId":"v1","status":"SUCCESS","s3Location":7,"credentials":"x"}',
  '{"datasetId":7,"changesetId":{},"dataViewId":[],"status":{}}',
  '{"s3Bucket":"b","s3Path":"p"}',
  '{"s3Bucket":"","s3Path":"","s3Uri":""}',
  '{"status":"SUCCESS"}',
  '{"status":"NEW_WORD","datasetId":"d1","changesetId":"c1","dataViewId":"v1","errorInfo":7}',
  "<Error><Code>x</Code></Error>",
  "<ListBucketResult/>",
  "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
  "<ListBucketResult><Contents/></ListBucketResult>",
  "<ListBucketResult><Contents><Key>p/k</Key><Size>many</Size></Contents></ListBucketResult>",
  "<ListMultipartUploadsResult><Upload/></ListMultipartUploadsResult>",
  "<ListMultipartUploadsResult><Upload><Key>k</Key></Upload></ListMultipartUploadsResult>",
  "<InitiateMultipartUploadResult/>",
  "<html>",
}

describe("a verb, whatever is answered,", function()
  local folder, csv_file

  setup(function()
    folder = support.temporary_folder()
    csv_file = support.write_file(folder .. "/a.csv", "a,b\n1,2\n")
  end)
  teardown(function() support.remove_folder(folder) end)

  local function environment(name)
    if name == "XDG_STATE_HOME" then return folder .. "/state" end
  end

  local WAITING = { timeout = 2, min_interval = 0.5 }

  local function with_waiting(given)
    for name, value in pairs(WAITING) do
      given[name] = value
    end
    return given
  end

  local verbs = {
    find_dataset = function(fs) return fs:find_dataset { dataset = "Prices" } end,
    ["find_dataset by id"] = function(fs) return fs:find_dataset { dataset = "abcdefghij1234567890" } end,
    ensure_dataset = function(fs) return fs:ensure_dataset { title = "Prices" } end,
    ensure_auto_view = function(fs) return fs:ensure_auto_view { dataset = { datasetId = "d1" }, timeout = 2 } end,
    ["ensure_auto_view without waiting"] = function(fs)
      return fs:ensure_auto_view { dataset = { datasetId = "d1" }, wait = false }
    end,
    ["read_view into a file"] = function(fs)
      return fs:read_view { dataset = { datasetId = "d1" }, file = folder .. "/view" }
    end,
    ["read_view of rows"] = function(fs) return fs:read_view { dataset = { datasetId = "d1" } } end,
    ["read_view of one"] = function(fs) return fs:read_view { dataset = "Prices", view = "v1", file = folder .. "/v" } end,
    load = function(fs) return fs:load(with_waiting { file = csv_file, dataset = { datasetId = "d1" } }) end,
    ["load without waiting"] = function(fs)
      return fs:load { file = csv_file, dataset = { datasetId = "d1" }, wait = false }
    end,
    ["load by title"] = function(fs) return fs:load(with_waiting { file = csv_file, dataset = "Prices" }) end,
    ["load without a journal"] = function(fs)
      return fs:load(with_waiting { file = csv_file, dataset = { datasetId = "d1" }, journal = false })
    end,
    ["download of many"] = function(fs) return fs:download { source = "s3://b/p/", to = folder .. "/down" } end,
    ["download of one"] = function(fs) return fs:download { source = "s3://b/p/k", to = folder .. "/one" } end,
    wait_changeset = function(fs) return fs:wait_changeset(with_waiting { datasetId = "d1", changesetId = "c1" }) end,
    wait_data_view = function(fs) return fs:wait_data_view(with_waiting { datasetId = "d1", dataViewId = "v1" }) end,
    wait_dataset = function(fs) return fs:wait_dataset(with_waiting { datasetId = "d1" }) end,
    get_working_location = function(fs) return fs:get_working_location {} end,
    put_object = function(fs) return fs.s3:put_object { bucket = "b", key = "k", body = "x" } end,
    create_upload = function(fs) return fs.s3:create_upload { bucket = "b", key = "k" } end,
    upload_part = function(fs)
      return fs.s3:upload_part { bucket = "b", key = "k", upload_id = "u", number = 1, body = "x" }
    end,
    list_objects = function(fs) return fs.s3:list_objects { bucket = "b" } end,
    list_uploads = function(fs) return fs.s3:list_uploads { bucket = "b" } end,
    abort_uploads = function(fs) return fs.s3:abort_uploads { bucket = "b" } end,
    list_parts = function(fs) return fs.s3:list_parts { bucket = "b", key = "k", upload_id = "u" } end,
  }

  local function describe_case(name, body) return ("%s after %q"):format(name, body) end

  for name, verb in pairs(verbs) do
    it("neither raises nor says nothing: " .. name, function()
      for _, status in ipairs { 200, 204, 206 } do
        for _, body in ipairs(BODIES) do
          local here = world.new { world.answer(status, body) }
          local fs = here.client { getenv = environment, s3_endpoint_url = "http://127.0.0.1:9" }
          local well, result, err = pcall(verb, fs)
          assert.is_true(well, describe_case(name, body) .. ": " .. tostring(result))
          assert.is_true(result ~= nil or err ~= nil, describe_case(name, body))
          if result == nil then assert.is_true(errors.is(err), describe_case(name, body)) end
        end
      end
    end)
  end

  it("keeps no lock: the same load can be asked for again at once", function()
    for _, body in ipairs(BODIES) do
      local fs = world.new({ world.answer(200, body) }).client { getenv = environment }
      for _ = 1, 2 do
        local _, err = fs:load(with_waiting { file = csv_file, dataset = { datasetId = "d1" } })
        assert.is_not.equal("AlreadyRunning", err and err.code)
        assert.is_nil((err and err.message or ""):find("under way", 1, true))
      end
    end
  end)
end)

describe("a verb whose n-th answer is broken #once", function()
  local finspace = require("finspace")
  local service = require("spec.support.service")
  local server, folder, transport, close
  local replaced -- { number, body }: the answer that is broken, counted from the first

  setup(function()
    server, folder = service.start(), support.temporary_folder()
    transport, close = require("finspace.host.transport.curl").new {}
    support.write_file(folder .. "/a.csv", "a,b\n1,2\n3,4\n")
  end)
  teardown(function()
    close()
    server.stop()
    support.remove_folder(folder)
  end)

  local count

  local function breaking(request)
    local response, err = transport(request)
    count = count + 1
    if response and replaced and count == replaced.number then
      return { status = 200, headers = response.headers, body = replaced.body }
    end
    return response, err
  end

  local function client()
    return finspace.new {
      region = server.region,
      endpoint_url = server.endpoint,
      s3_endpoint_url = server.endpoint,
      credentials = server.credentials,
      transport = breaking,
      close = function() end,
      max_attempts = 1,
      getenv = function(name) return name == "XDG_STATE_HOME" and folder .. "/state" or nil end,
    }
  end

  local function new_dataset(fs)
    replaced, count = nil, 0
    local title = require("finspace.sys").uuid()
    return assert(fs:create_dataset { datasetTitle = title, kind = "TABULAR", permissionGroupParams = {} })
  end

  local function loaded(fs)
    local dataset = new_dataset(fs)
    assert(fs:load { file = folder .. "/a.csv", dataset = dataset, journal = false })
    return dataset
  end

  local function viewed(fs)
    local dataset = loaded(fs)
    assert(fs:ensure_auto_view { dataset = dataset })
    return dataset
  end

  -- What it takes before, and the verb; whether a result proves that it was done.
  local flows = {
    load = {
      new_dataset,
      function(fs, dataset) return fs:load { file = folder .. "/a.csv", dataset = dataset, timeout = 5 } end,
      function(changeset) return changeset.status == "SUCCESS" and changeset.changesetId ~= nil end,
    },
    ensure_auto_view = {
      loaded,
      function(fs, dataset) return fs:ensure_auto_view { dataset = dataset, timeout = 5 } end,
      function(view) return view.status == "SUCCESS" and view.dataViewId ~= nil end,
    },
    read_view = {
      viewed,
      function(fs, dataset) return fs:read_view { dataset = dataset, file = folder .. "/view.csv" } end,
      function(done) return done.bytes == #support.read_file(folder .. "/view.csv") end,
    },
    ensure_dataset = {
      function() return nil end,
      function(fs) return fs:ensure_dataset { title = require("finspace.sys").uuid() } end,
      function(dataset) return dataset.datasetId ~= nil end,
    },
  }

  local BROKEN = { "", "{}", "null", "[]", '{"status":"SUCCESS"}', "<x/>", '{"datasetId":"d"}\0' }

  local function run(flow)
    local fs = client()
    local dataset = flow[1](fs)
    return function(number, body)
      replaced, count = number and { number = number, body = body }, 0
      return pcall(flow[2], fs, dataset)
    end
  end

  for name, flow in pairs(flows) do
    it("neither raises, nor says nothing, nor calls it a success: " .. name, function()
      assert.is_true((run(flow)()))
      local answers = count
      for number = 1, answers do
        for _, body in ipairs(BROKEN) do
          local case = ("%s, answer %d of %d: %q"):format(name, number, answers, body)
          local well, result, err = run(flow)(number, body)
          assert.is_true(well, case .. ": " .. tostring(result))
          assert.is_true(result ~= nil or errors.is(err), case)
          assert.is_true(result == nil or flow[3](result), case)
        end
      end
    end)
  end
end)
