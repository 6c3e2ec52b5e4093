--- Loads a CSV file that was uploaded to nginx, beside the request, and reports how far it is.
local finspace = require("finspace")
local cjson = require("cjson")

local loader = {}

local fs = finspace.new { shared_dict = ngx.shared.finspace_credentials }
local loads = ngx.shared.finspace_loads

-- What a load has come to, kept where every worker can read it.
local function note(id, state) loads:set(id, cjson.encode(state)) end

local function answer(status, text)
  ngx.status = status
  ngx.header["content-type"] = "application/json"
  ngx.print(text)
end

-- The load needs a file that ends in .csv, and one that nginx will not remove with the request.
local function take_over(path)
  local own = path .. ".csv"
  assert(os.rename(path, own))
  return own
end

-- The first argument is the timer's. It gets the others by value: variables of a request end with it.
local function load(_, id, path, dataset)
  local changeset, err = fs:load {
    file = path,
    dataset = dataset,
    on_progress = function(event)
      if event.stage == "done" then return end -- said below, with what became of it
      note(id, { stage = event.stage, bytes = event.bytes, bytes_total = event.bytes_total })
    end,
  }
  os.remove(path)
  if not changeset then return note(id, { stage = "failed", error = tostring(err) }) end
  note(id, { stage = "done", changeset = changeset.changesetId, status = changeset.status })
end

--- `POST /load?dataset=…`: begins to load the request's body, and says where to look.
function loader.begin()
  ngx.req.read_body()
  local path, dataset = ngx.req.get_body_file(), ngx.unescape_uri(ngx.var.arg_dataset or "")
  if not path or dataset == "" then
    return answer(400, '{"error":"send a CSV file as the body, and name its dataset: /load?dataset=TITLE"}')
  end
  local id = tostring(loads:incr("last", 1, 0))
  path = take_over(path)
  note(id, { stage = "accepted" })
  assert(ngx.timer.at(0, load, id, path, dataset))
  ngx.header["location"] = "/load/" .. id
  answer(202, cjson.encode { id = id })
end

--- `GET /load/ID`: how far it is.
function loader.report()
  local text = loads:get(ngx.var.uri:match("([^/]+)$"))
  answer(text and 200 or 404, text or '{"error":"no such load"}')
end

return loader
