--- @meta
-- Written by `make docs` from the doc comments. Do not edit.
-- luacheck: ignore

--- @class finspace.Client
local Client = {}

--- Loads files into a dataset: they are staged in S3, become one changeset, and are waited for. The same load
--- asked for again goes on where the last one was cut off.
--- @param given finspace.LoadOptions
--- @return finspace.GetChangesetOutput|nil changeset
--- @return finspace.Error|nil err  `err.resumable`: the same load goes on from here
function Client:load(given) end

--- Downloads an object of S3, or all below a prefix. Each file appears under its name whole, or not at all. Of many
--- keys all are fetched that can be; the err then tells of the others, in `failed` as `{ key, err }`.
--- @param given finspace.DownloadOptions
--- @return { files: integer, bytes: integer }|nil done, finspace.Error|nil err
function Client:download(given) end

--- Finds a dataset by its id, its alias or its title.
--- @param given finspace.FindDatasetOptions
--- @return table|nil dataset, finspace.Error|nil err
function Client:find_dataset(given) end

--- Finds a dataset by its alias or its title, over all pages, or creates it. One that is there is left
--- as it is, whatever else the options say.
--- @param given finspace.EnsureDatasetOptions
--- @return table|nil dataset, finspace.Error|nil err, boolean|nil created
function Client:ensure_dataset(given) end

--- Infers a schemaDefinition, as CreateDataset takes it, from a CSV, packed with gzip or not. Types are told by the
--- values: empty fields say nothing, numbers with leading zeros are text, and a column of nothing is a STRING.
--- @param given finspace.InferSchemaOptions
--- @return table|nil definition  { tabularSchemaConfig = { columns = { { columnName, dataType }, … } } }
--- @return { rows: integer, complete: boolean, doubtful?: boolean, repeated_headers?: integer }|finspace.Error seen  how much of the file it rests on, whether the line that named the columns looks like data, and how often it came again
function Client:infer_schema(given) end

--- Finds the dataset's view that follows every later changeset, or creates it, and waits until it is
--- built. Asked again, it makes no second one.
--- @param given finspace.EnsureAutoViewOptions
--- @return table|nil view, finspace.Error|nil err, boolean|nil created
function Client:ensure_auto_view(given) end

--- Reads a view back. With `file` its rows go there, as one file. Without it they are iterated over:
---
---     for row in assert(fs:read_view { dataset = "Daily prices" }) do print(row.date, row.close) end
---
--- where a row's fields stand under their column's name and its number, all of them text. What fails
--- within the loop is raised (the err table). With `folder` the view's files go there as they are: that is how a
--- view of PARQUET comes.
--- @param given finspace.ReadViewOptions
--- @return table|(fun(): table|nil)|nil result  { file or folder, bytes, objects, dataViewId }, or the iterator
--- @return finspace.Error|nil err
function Client:read_view(given) end

--- Signs a request with the client's keys, for the client's endpoint. Nothing is sent; the keys are looked up
--- when there are none yet. The signature is good for some minutes.
--- @param given finspace.SignOptions
--- @return finspace.SignedRequest|nil request, finspace.Error|nil err
function Client:sign(given) end

--- Waits until a changeset is SUCCESS. FAILED is an err that carries `errorInfo` and `changeset`.
--- @param given finspace.WaitChangesetOptions
--- @return finspace.GetChangesetOutput|nil changeset
--- @return finspace.Error|nil err
function Client:wait_changeset(given) end

--- Waits until a data view is SUCCESS.
--- @param given finspace.WaitDataViewOptions
--- @return finspace.GetDataViewOutput|nil view
--- @return finspace.Error|nil err
function Client:wait_data_view(given) end

--- Waits until a dataset can be used.
--- @param given finspace.WaitDatasetOptions
--- @return finspace.GetDatasetOutput|nil dataset
--- @return finspace.Error|nil err
function Client:wait_dataset(given) end

--- @class finspace.S3
local S3 = {}

--- Writes an object, from a string or from a slice of a file. A slice needs its `sha256`.
--- @param given finspace.s3.PutObject
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function S3:put_object(given) end

--- Describes an object.
--- @param given finspace.s3.HeadObject
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function S3:head_object(given) end

--- Reads an object, or the bytes `first` to `last` of it (both counted from 0, both included). With
--- a `sink` the bytes go to that file.
--- @param given finspace.s3.GetObject
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function S3:get_object(given) end

--- Removes an object; one that is not there is as good as removed.
--- @param given finspace.s3.DeleteObject
--- @return table|nil result
--- @return finspace.Error|nil err
function S3:delete_object(given) end

--- One page of a bucket's objects: `objects`, `prefixes` (with a `delimiter`), `next_token`.
--- @param given finspace.s3.ListObjects
--- @return finspace.s3.Page|nil page
--- @return finspace.Error|nil err
function S3:list_objects(given) end

--- All objects below a prefix, page by page as they are asked for. An err ends the walk and comes as
--- the second value: `for object, err in s3:each_object{…} do`, where `object` is then false.
--- @param given finspace.s3.EachObject
--- @return fun(): finspace.s3.Listed|false|nil, finspace.Error|nil next
function S3:each_object(given) end

--- Begins a multipart upload.
--- @param given finspace.s3.CreateUpload
--- @return { upload_id: string }|nil upload
--- @return finspace.Error|nil err
function S3:create_upload(given) end

--- Sends one part, from a string or from a slice of a file (which needs its `sha256`).
--- @param given finspace.s3.UploadPart
--- @return { etag: string }|nil part
--- @return finspace.Error|nil err
function S3:upload_part(given) end

--- Makes an object of the parts. S3 may answer 200 and say in the body that it failed: that is an
--- err here.
--- @param given finspace.s3.CompleteUpload
--- @return { etag: string }|nil object
--- @return finspace.Error|nil err
function S3:complete_upload(given) end

--- Gives an upload up, and everything that was sent of it.
--- @param given finspace.s3.AbortUpload
--- @return table|nil result
--- @return finspace.Error|nil err
function S3:abort_upload(given) end

--- One page of the parts that have arrived: `parts`, `next_marker`.
--- @param given finspace.s3.ListParts
--- @return table|nil list
--- @return finspace.Error|nil err
function S3:list_parts(given) end

--- One page of the uploads that were begun and neither completed nor aborted.
--- @param given finspace.s3.ListUploads
--- @return table|nil list
--- @return finspace.Error|nil err
function S3:list_uploads(given) end

--- Sends a file: in one piece up to 8 MiB, above that in parts, ten at a time. A file that changes meanwhile is
--- an err, and nothing is kept of it.
--- @param given finspace.s3.UploadFile
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function S3:upload_file(given) end

--- Aborts what was begun below a prefix and neither completed nor aborted.
--- @param given finspace.s3.AbortUploads
--- @return integer|nil count
--- @return finspace.Error|nil err
function S3:abort_uploads(given) end

--- Fetches an object into a file, in ranges, five at a time. The file appears under its name whole, or not at all.
--- @param given finspace.s3.DownloadFile
--- @return finspace.s3.Object|nil object
--- @return finspace.Error|nil err
function S3:download_file(given) end

--- Reads a bucket's rules for pages of other origins. Where there are none, S3's err has the code
--- `NoSuchCORSConfiguration`.
--- @param given finspace.s3.GetBucketCors
--- @return finspace.s3.CorsRule[]|nil rules
--- @return finspace.Error|nil err
function S3:get_bucket_cors(given) end

--- Gives a bucket rules for pages of other origins, which take the place of those that it had.
--- @param given finspace.s3.PutBucketCors
--- @return table|nil result
--- @return finspace.Error|nil err
function S3:put_bucket_cors(given) end

--- Where a bucket is called: its `url`, after which a key goes, and the `region` to sign for. A bucket in another region than
--- the client's is known to be there after the first call of it.
--- @param given finspace.s3.BucketPlace
--- @return { url: string, region: string }|nil place
--- @return finspace.Error|nil err
function S3:bucket_place(given) end
