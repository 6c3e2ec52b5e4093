--- @meta
-- luacheck: ignore
-- The client's verbs that do a whole job: each loads its own room when it is first used.

--- @class finspace.Client
local Client = {}

--- Files on disk become one changeset: staged in S3, created, waited for. The same load asked for again
--- goes on where the last one was cut off.
--- @param given finspace.LoadOptions
--- @return finspace.GetChangesetOutput|nil changeset
--- @return finspace.Error|nil err
function Client:load(given) end

--- An object of S3, or all below a prefix, becomes files.
--- @param given finspace.DownloadOptions
--- @return { files: integer, bytes: integer }|nil done
--- @return finspace.Error|nil err
function Client:download(given) end

--- Finds a dataset by its id, its `alias/…` or its title.
--- @param given finspace.FindDatasetOptions
--- @return finspace.Dataset|nil dataset
--- @return finspace.Error|nil err
function Client:find_dataset(given) end

--- Finds a dataset by its alias or its title, over all pages, or creates it. Asked twice, even at the same
--- moment, it makes one.
--- @param given finspace.EnsureDatasetOptions
--- @return finspace.Dataset|nil dataset
--- @return finspace.Error|nil err
--- @return boolean|nil created
function Client:ensure_dataset(given) end

--- A schemaDefinition for the columns of a CSV file, from the values that are in it.
--- @param given finspace.InferSchemaOptions
--- @return finspace.SchemaUnion|nil definition
--- @return { rows: integer, complete: boolean }|finspace.Error seen
function Client:infer_schema(given) end

--- Finds the dataset's view that follows every later changeset, or creates it, and waits until it is
--- built.
--- @param given finspace.EnsureAutoViewOptions
--- @return finspace.GetDataViewOutput|nil view
--- @return finspace.Error|nil err
--- @return boolean|nil created
function Client:ensure_auto_view(given) end

--- Reads a view back: into a file, or row by row.
--- @param given finspace.ReadViewOptions
--- @return { file: string, bytes: integer, objects: integer, dataViewId: string }|(fun(): table|nil)|nil
--- @return finspace.Error|nil err
function Client:read_view(given) end

--- Signs a request of one's own making, with the client's keys and for its endpoint, for another to send:
--- nginx, behind a gateway. Nothing is sent here. The signature is good for some minutes.
--- @param given finspace.SignOptions
--- @return finspace.SignedRequest|nil request
--- @return finspace.Error|nil err
function Client:sign(given) end

--- @class finspace.WaitChangesetOptions: finspace.WaitOptions
--- @field datasetId string
--- @field changesetId string

--- Waits until a changeset is SUCCESS. FAILED is an err that carries `errorInfo` and `changeset`.
--- @param given finspace.WaitChangesetOptions
--- @return finspace.GetChangesetOutput|nil changeset
--- @return finspace.Error|nil err
function Client:wait_changeset(given) end

--- @class finspace.WaitDataViewOptions: finspace.WaitOptions
--- @field datasetId string
--- @field dataViewId string

--- Waits until a data view is SUCCESS.
--- @param given finspace.WaitDataViewOptions
--- @return finspace.GetDataViewOutput|nil view
--- @return finspace.Error|nil err
function Client:wait_data_view(given) end

--- @class finspace.WaitDatasetOptions: finspace.WaitOptions
--- @field datasetId string

--- Waits until a dataset can be used.
--- @param given finspace.WaitDatasetOptions
--- @return finspace.GetDatasetOutput|nil dataset
--- @return finspace.Error|nil err
function Client:wait_dataset(given) end
