--- Where bytes lie: what changesets are made from, the Parquet that they become, and the files of views. A folder of this
--- machine, or an S3-compatible store that many machines share.
---
--- A store belongs to a process and has its `state`. What is written becomes visible with the database's transaction that
--- names it: `keep_…` writes and is called outside of one, `publish_…` is called within it, `forget_…` after it. What the
--- world does to a store's network is raised as `{ is_busy = true, message = text }`: the same may work in a moment.
---
---     key(path)                      where something of the service's own lies in its bucket
---     own_path(bucket, key)          the reverse: nil for what lies elsewhere
---     keys(wanted)                   keys for a user's folder or a view, made by a store that makes them itself
---     for_browsers()                 where pages call the bucket, when that is not the service itself
---     find(bucket, key, job)         the object of that key, or nil
---     below(bucket, folder, job)     all objects below a folder, in the order of their keys
---     held(changeset_id)             the sources that an earlier try of the changeset holds
---     hold(row, objects)             holds them for a changeset, as they are now, until its end; confirms its lease
---     open(job, source)              the bytes of a source: next_piece, and where it is one file: its path, is_copy
---     keep_changeset(job, row, files, summary)   gives what lies in job.target its place; returns what publish wants
---     publish_changeset(row, kept)   names it
---     changeset_paths(job, changeset)  its Parquet files, as paths that the engine can open
---     view_prefix(row, generation)   the longest prefix that the keys of a view's build may have
---     keep_view(job, row, generation, files)     gives a build its place; returns what publish wants
---     publish_view(row, kept, publish)           names it and calls publish(prefix), in one transaction
---     forget_dataset(id)             forgets all of a dataset, in the transaction that deletes it
---     sweep()                        takes away what no transaction named; nothing is at work in this process meanwhile
local cjson = require("cjson.safe")

local store = {}

-- --- what the command line says ---------------------------------------------------------------------

local function is_url(text) return text == nil or text:find("^https?://[^/%s]+") ~= nil end

-- Bucket and prefix of s3://BUCKET/PREFIX; the prefix ends in a slash. What session policies take for a pattern or a variable
-- would open more than the prefix; and what JSON escapes no answer has to escape.
local function place_of(uri)
  local bucket, prefix = (uri or ""):match("^s3://([%w%.%-_]+)/?(.*)$")
  if not bucket then return nil end
  prefix = prefix:gsub("/+$", "")
  if prefix:find('[%*%?%$%c"\\]') or prefix:find("^/") or prefix:find("//", 1, true) or #prefix > 256 then
    return nil
  end
  return { bucket = bucket, prefix = prefix == "" and "" or prefix .. "/" }
end

--- Reads the options that name a store.
--- @param options table {store=, store_endpoint=, store_sts_endpoint=, store_role=}
--- @param region string of a store whose region neither the environment nor a profile names
--- @return string|nil place JSON, for store.open; nil without --store
--- @return string|nil problem
function store.place(options, region)
  if not options.store then
    local stray = options.store_endpoint or options.store_sts_endpoint or options.store_role
    return nil, stray and "--store-endpoint, --store-sts-endpoint and --store-role belong to --store s3://BUCKET/PREFIX"
  end
  local place = place_of(options.store)
  if not place then return nil, "--store must be written as s3://BUCKET/PREFIX" end
  if not options.store_role then
    return nil, "--store needs --store-role ARN: the role whose keys users get, each for their own prefix"
  end
  if not is_url(options.store_endpoint) or not is_url(options.store_sts_endpoint) then
    return nil, "--store-endpoint and --store-sts-endpoint must be URLs, for example https://s3.example.com"
  end
  place.endpoint, place.sts_endpoint = options.store_endpoint, options.store_sts_endpoint
  place.role, place.usual_region = options.store_role, region
  return cjson.encode(place)
end

--- Asks a store whether it can be used.
--- @param place string JSON of store.place
--- @return string|nil problem one line
function store.problem(place) return require("finspace.service.store.check").problem(cjson.decode(place)) end

--- Sees that the console's pages may call a store that can be used.
--- @param place string JSON of store.place
--- @param origins string[] that pages are opened at
--- @return string place JSON, which says where browsers call the bucket, too
--- @return string|nil word for people: what was set, or what is missing
function store.let_in_browsers(place, origins)
  local of = cjson.decode(place)
  local word = require("finspace.service.store.browsers").let_in(of, origins)
  return cjson.encode(of), word
end

--- @param place string JSON of store.place
--- @return string uri s3://BUCKET/PREFIX
function store.uri(place)
  local of = cjson.decode(place)
  return ("s3://%s/%s"):format(of.bucket, of.prefix)
end

--- Where a store's S3 is called, where that was named.
--- @param place string|nil JSON of store.place
--- @return string|nil url
function store.endpoint(place) return place and cjson.decode(place).endpoint or nil end

-- --- what runs in the service -----------------------------------------------------------------------

--- @param state table {db=, settings=}; its `settings.bucket` becomes the store's
--- @param place? string JSON of store.place
--- @return table store
function store.open(state, place)
  if not place then return require("finspace.service.store.folder").open(state) end
  return require("finspace.service.store.s3").open(state, cjson.decode(place))
end

return store
