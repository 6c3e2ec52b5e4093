--- The client against the real service: what only both together can show.
local finspace = require("finspace")
local service = require("spec.support.service")
local support = require("spec.support")
local sys = require("finspace.sys")

describe("the client and the service #once", function()
  local server

  setup(function() server = service.start() end)
  teardown(function() server.stop() end)

  local function client(more)
    local options = { getenv = function(name) return server.env[name] end }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    return finspace.new(options)
  end

  -- The client whose clock is so many seconds off.
  local function client_off_by(seconds)
    local events = {}
    return client {
      now = function() return sys.now() + seconds end,
      logger = function(event) events[#events + 1] = event end,
    },
      events
  end

  it("find each other by the two files that the service has written", function()
    local location = assert(client():get_working_location { locationType = "INGESTION" })
    assert.matches("^s3://", location.s3Uri)
  end)

  for _, offset in ipairs { -86400, -1200, 1200, 86400 } do
    it(("agree on the time after one refusal: a clock off by %+d s"):format(offset), function()
      local fs, events = client_off_by(offset)
      assert.is_truthy(fs:list_datasets())
      assert.is_truthy(fs:list_datasets())
      local statuses = {}
      for i, event in ipairs(events) do
        statuses[i] = event.status
      end
      assert.equal(3, #statuses)
      assert.same({ 200, 200 }, { statuses[2], statuses[3] })
    end)
  end

  for _, offset in ipairs { -840, 840 } do
    it(("tolerate a clock that is off by %+d s"):format(offset), function()
      local fs, events = client_off_by(offset)
      assert.is_truthy(fs:list_datasets())
      assert.equal(1, #events)
    end)
  end

  it("agree on what a repeated clientToken means", function()
    local fs = client()
    local params = { datasetTitle = "Token", kind = "TABULAR", permissionGroupParams = {}, clientToken = "same" }
    local first = assert(fs:create_dataset(params))
    assert.equal(first.datasetId, assert(fs:create_dataset(params)).datasetId)
    params.datasetTitle = "Another"
    local _, err = fs:create_dataset(params)
    assert.same({ "client", "ConflictException", 1, "refused" }, { err.kind, err.code, err.attempts, err.outcome })
  end)

  it("agree on a wrong secret", function()
    local fs =
      client { credentials = { access_key_id = server.credentials.access_key_id, secret_access_key = "wrong" } }
    local _, err = fs:list_datasets()
    assert.same({ 403, 1, "refused" }, { err.status, err.attempts, err.outcome })
    assert.is_truthy(err.request_id)
  end)

  it("agree on a presigned URL, with curl alone, until it expires", function()
    local members = { locationType = "INGESTION" }
    local url, request = assert(client():presign("get_working_location", members, { expires = 900 }))
    local command = ("curl -s -X %s -H 'content-type: %s' -d %s %s"):format(
      request.method,
      request.headers["content-type"],
      support.quote(request.body),
      support.quote(url)
    )
    assert.matches('"s3Uri":"s3://', support.run(command))
    local altered = command:gsub("INGESTION", "SAGEMAKER")
    assert.not_matches('"s3Uri"', support.run(altered))
    local expired =
      assert(client({ now = function() return sys.now() - 60 end }):presign("list_datasets", {}, { expires = 30 }))
    assert.not_matches('"datasets"', support.run("curl -s " .. support.quote(expired)))
    local listed = assert(client():presign("list_datasets", { maxResults = 5 }, { action = true }))
    assert.matches('"datasets":%[', support.run("curl -s " .. support.quote(listed)))
  end)

  it("exchange IAM keys for FinSpace's own", function()
    local fs = client { environment_id = "env", duration_in_minutes = 15 }
    assert.is_truthy(fs:list_datasets())
    assert.is_truthy(fs:list_datasets())
  end)

  it("walk a list over pages of one", function()
    local fs, titles = client(), {}
    for i = 1, 4 do
      assert(fs:ensure_dataset { title = "Page " .. i })
    end
    for dataset in fs:each("list_datasets", { maxResults = 1 }) do
      titles[dataset.datasetTitle] = true
    end
    for i = 1, 4 do
      assert.is_true(titles["Page " .. i])
    end
  end)

  -- All items of a list, over pages of one.
  local function all(fs, name, members)
    local list = {}
    members = members or {}
    members.maxResults = 1
    for item in fs:each(name, members) do
      list[#list + 1] = item
    end
    return list
  end

  local function call_all_about_people(fs)
    local user = assert(fs:create_user { emailAddress = "ada@example.com", type = "APP_USER" }).userId
    local group =
      assert(fs:create_permission_group { name = "Rates", applicationPermissions = { "CreateDataset" } }).permissionGroupId
    local both = { permissionGroupId = group, userId = user }
    assert.equal(200, assert(fs:associate_user_to_permission_group(both)).statusCode)
    assert.equal("Rates", assert(fs:get_permission_group { permissionGroupId = group }).permissionGroup.name)
    assert.equal(1, #all(fs, "list_users_by_permission_group", { permissionGroupId = group }))
    assert.equal(1, #all(fs, "list_permission_groups_by_user", { userId = user }))
    assert.is_true(#all(fs, "list_users") >= 2 and #all(fs, "list_permission_groups") >= 1)
    assert(fs:update_permission_group { permissionGroupId = group, description = "Rates desk" })
    assert(fs:update_user { userId = user, lastName = "Lovelace" })
    assert.equal("Lovelace", assert(fs:get_user { userId = user }).lastName)
    assert.is_string(assert(fs:reset_user_password { userId = user }).temporaryPassword)
    assert(fs:disable_user { userId = user })
    assert(fs:enable_user { userId = user })
    assert(fs:disassociate_user_from_permission_group(both))
    assert(fs:delete_permission_group { permissionGroupId = group })
    assert(fs:get_programmatic_access_credentials { environmentId = "env" })
  end

  -- Stages a small file and gives its address.
  local function stage(fs, name, text)
    local place = assert(fs:get_working_location { locationType = "INGESTION" })
    assert(fs.s3:put_object { bucket = place.s3Bucket, key = place.s3Path .. name, body = text })
    return place.s3Uri .. name
  end

  -- A changeset in the 2021-05 form, one that replaces it, and one in the later form.
  local function call_all_about_changesets(fs, dataset)
    local read = finspace.changeset(assert(fs:create_changeset {
      datasetId = dataset,
      changeType = "APPEND",
      sourceType = "S3",
      tags = { team = "rates" },
      sourceParams = { s3SourcePath = stage(fs, "a.csv", "a\n1\n") },
      formatType = "CSV",
      formatParams = { withHeader = "true", separator = "," },
    }))
    assert.same({ "APPEND", "rates", dataset }, { read.change_type, read.labels.team, read.dataset_id })
    assert.is_true(math.abs(read.created_at - sys.now() * 1000) < 60000)
    local ids = { datasetId = dataset, changesetId = read.id }
    assert(fs:wait_changeset { datasetId = dataset, changesetId = read.id, timeout = 30 })
    local newer = assert(fs:update_changeset {
      datasetId = dataset,
      changesetId = read.id,
      sourceParams = { sourceType = "S3", s3SourcePath = stage(fs, "b.csv", "a\n2\n3\n") },
      formatParams = { formatType = "CSV", withHeader = "true", separator = "," },
    }).changesetId
    assert(fs:wait_changeset { datasetId = dataset, changesetId = newer, timeout = 30 })
    assert.equal(newer, finspace.changeset(assert(fs:get_changeset(ids))).updated_by)
    local added = assert(fs:create_changeset {
      datasetId = dataset,
      changeType = "APPEND",
      formatParams = { formatType = "CSV" },
      sourceParams = { sourceType = "S3", s3SourcePath = stage(fs, "c.csv", "a\n4\n") },
    }).changesetId
    assert(fs:wait_changeset { datasetId = dataset, changesetId = added, timeout = 30 })
    assert.equal(3, #all(fs, "list_changesets", { datasetId = dataset }))
  end

  local function call_all_about_data(fs)
    local dataset = assert(fs:ensure_dataset { title = "Every operation" }).datasetId
    assert(fs:update_dataset { datasetId = dataset, datasetTitle = "Each operation", kind = "TABULAR" })
    assert.equal("Each operation", assert(fs:get_dataset { datasetId = dataset }).datasetTitle)
    call_all_about_changesets(fs, dataset)
    local view = assert(fs:ensure_auto_view { dataset = dataset, timeout = 30 })
    assert.equal(1, #all(fs, "list_data_views", { datasetId = dataset }))
    assert(fs:get_external_data_view_access_details { datasetId = dataset, dataViewId = view.dataViewId })
    assert.is_true(#all(fs, "list_datasets") >= 1)
    assert(fs:delete_dataset { datasetId = dataset })
  end

  it("know every operation, and CreateChangeset in both wire forms", function()
    local answered = {}
    local fs = client {
      sleep = function() sys.sleep(0.02) end,
      logger = function(event)
        if event.status and event.status < 300 then answered[event.operation] = true end
      end,
    }
    call_all_about_people(fs)
    call_all_about_data(fs)
    for _, operation in ipairs(fs:operations()) do
      assert.is_true(answered[operation.name], operation.name)
    end
  end)

  it("make one dataset of two processes that ensure it at the same time", function()
    local script = [[
      local fs = require("finspace").new()
      print(assert(fs:ensure_dataset { title = "Two at once" }).datasetId)
    ]]
    local environment = {}
    for name, value in pairs(server.env) do
      environment[#environment + 1] = name .. "=" .. support.quote(value)
    end
    local command = ("env %s %s -e %s"):format(
      table.concat(environment, " "),
      support.interpreter(),
      support.quote(script)
    )
    local output = support.run(("%s & %s & %s & wait"):format(command, command, command))
    local ids, count = {}, 0
    for id in output:gmatch("%w+") do
      ids[id], count = true, count + 1
    end
    assert.equal(3, count, output)
    local first = next(ids)
    assert.is_nil(next(ids, first), output)
  end)
end)
