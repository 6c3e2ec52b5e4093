--- @meta
-- Written by `make docs` from the declared options. Do not edit.
-- luacheck: ignore

--- @class finspace.AssumeRole
--- @field base finspace.Provider|table  the keys to ask with
--- @field role_arn string  the role
--- @field role_session_name? string  a name for the session
--- @field external_id? string  what the role's trust policy may ask for
--- @field duration_seconds? integer  how long the keys last (3600)
--- @field policy? string  a session policy, as JSON: the keys open no more than it says
--- @field mfa_serial? string  the second factor's serial number or ARN
--- @field mfa_code? fun(serial: string): string  asked for its code
--- @field source? string  what to call these keys in messages

--- @class finspace.CallOptions
--- @field timeout? number  seconds, for one attempt; the client's when absent
--- @field deadline? number  seconds, for all attempts and the pauses between them

--- @class finspace.DefaultKeys
--- @field profile? string  a profile; it then stands before the environment
--- @field mfa_code? fun(serial: string): string  asked for a code when a role wants a second factor

--- @class finspace.DownloadEvent
--- @field path string  the file that is being written
--- @field bytes integer  written so far
--- @field bytes_total integer  of all objects; 0 for a single one
--- @field files integer  that are whole

--- @class finspace.DownloadOptions
--- @field source string  `s3://bucket/key`, or `s3://bucket/prefix/` for everything below it
--- @field to string  the file, or for a prefix the folder
--- @field on_progress? fun(event: finspace.DownloadEvent)  called as it goes on
--- @field cancel? fun(): boolean  asked often: true stops the download

--- @class finspace.EnsureAutoViewOptions
--- @field dataset string|table  its id, its `alias/…`, its title, or what found or made it
--- @field partition_columns? string[]  what its files are parted by; any when absent
--- @field sort_columns? string[]  what its rows are sorted by; any when absent
--- @field format? string  of a new one (DELIMITED_TEXT)
--- @field format_options? table<string, string>  of a new one (with a header and commas)
--- @field wait? boolean  false: return as soon as it is there, built or not (true)
--- @field timeout? number  seconds, to wait for it (3600)
--- @field on_status? fun(status: string, view: table)  called when its status is another one
--- @field cancel? fun(): boolean  asked before each look: true ends the wait

--- @class finspace.EnsureDatasetOptions
--- @field title? string  what it is called; titles need not be unique, so more than one match is an err
--- @field alias? string  its unique name, with or without "alias/"; looked for instead of the title
--- @field kind? string  TABULAR or NON_TABULAR (TABULAR)
--- @field description? string  a text for people
--- @field owner? table  `{ name, phoneNumber, email }`
--- @field schema? table  a schemaDefinition, for example from `fs:infer_schema`
--- @field permission_group_id? string  a group that may use it; without one, its creator alone may
--- @field permissions? string[]  what that group may do; everything when absent

--- @class finspace.FinSpaceKeys
--- @field environment_id string  the environment
--- @field base finspace.Provider|table  the IAM keys to ask with
--- @field duration? integer  minutes that they last (60)

--- @class finspace.FindDatasetOptions
--- @field dataset string|table  its id, its `alias/…`, its title, or what found or made it

--- @class finspace.InferSchemaOptions
--- @field file string  a CSV file
--- @field header? boolean  whether the first line names the columns; else they are column_1, … (true)
--- @field separator? string  one character; absent: the one that explains the file best
--- @field sample? integer  rows to look at (10000)
--- @field narrow? boolean  the smallest type that holds what was seen (TINYINT, SMALLINT, FLOAT, CHAR, BINARY, too), instead of the type that will hold what comes later (INTEGER, BIGINT, DOUBLE, STRING) (false)

--- @class finspace.InstanceKeys
--- @field endpoint? string  the metadata service's URL; AWS_EC2_METADATA_SERVICE_ENDPOINT when absent
--- @field mode? string  IPv4 or IPv6 (IPv4)

--- @class finspace.LoadEvent
--- @field stage "staging"|"staged"|"creating"|"created"|"ingesting"|"done"  how far it is
--- @field bytes integer  staged so far
--- @field bytes_total integer  of all files
--- @field files integer  staged so far
--- @field files_total integer  of the load
--- @field path? string  the file that was staged last
--- @field resumed boolean  an earlier run had begun it
--- @field format_params table<string, string>  what the files are taken for
--- @field columns? string[]  the names that a CSV's header gives its columns
--- @field doubtful? boolean  the first line may be the other: a header that looks like data, or data that could be names
--- @field skipped { path: string, why: string }[]  files in the folders that hold no data
--- @field dataset_id string  the dataset's id
--- @field changeset? table  the changeset, from the moment that it is created

--- @class finspace.LoadOptions
--- @field file string|string[]  a file, a folder, a pattern, or several of them
--- @field dataset string|table  its id, its `alias/…`, its title, or what found or made it
--- @field change_type? "APPEND"|"REPLACE"  APPEND adds; REPLACE hides what came before (APPEND)
--- @field format? "CSV"|"JSON"|"PARQUET"|"XML"  told by the name and the first bytes when absent
--- @field format_params? table<string, string>  formatParams that are known better than they can be guessed
--- @field on_progress? fun(event: finspace.LoadEvent)  called as it goes on
--- @field wait? boolean  false: return when the changeset is created (true)
--- @field timeout? number  seconds, to wait for the changeset (3600)
--- @field min_interval? number  seconds, before the second look at it (0.1)
--- @field max_interval? number  seconds, between later looks (15)
--- @field journal? boolean  false: keep no notes; a crash cannot be resumed then (true)
--- @field keep? boolean  a load that fails leaves what is staged, to be resumed (false)
--- @field cancel? fun(): boolean  asked often: true stops the load, which can be resumed
--- @field at_end? fun(forget: fun())  for programs: gets the function that forgets a load that is over, to be called when its result has been told; until then the same load gives the same changeset

--- @class finspace.LogEvent
--- @field operation string  its name
--- @field attempt integer  1 is the first
--- @field method string  of HTTP
--- @field host? string  whom it went to, with the port
--- @field path? string  percent-encoded, without the query
--- @field status? integer  the answer's HTTP status; absent when none came
--- @field request_id? string  the service's own name for the request
--- @field duration number  seconds
--- @field bytes_sent integer  of the body
--- @field bytes_received integer  of the body
--- @field kind? finspace.ErrorKind  the fault's; absent on success
--- @field code? string  the fault's; absent on success

--- @class finspace.LogWarning
--- @field level "warn"  tells it from an attempt
--- @field message string  a sentence for people

--- @class finspace.Options
--- @field region? string  AWS_REGION, AWS_DEFAULT_REGION and the profile's when absent
--- @field profile? string  a profile of the shared AWS files; AWS_PROFILE when absent
--- @field credentials? table|finspace.Provider  `{ access_key_id, secret_access_key, session_token, expires_at }`, or a provider; the usual chain when absent
--- @field mfa_code? fun(serial: string): string  asked for a code when a role wants a second factor
--- @field shared_dict? table|userdata  a dictionary of `ngx.shared`, so that one worker of nginx fetches keys for all; they lie readable in it: give it to nothing else, and show it on no status page
--- @field environment_id? string  works with FinSpace's own keys for this environment, and renews them
--- @field duration_in_minutes? integer  how long those last (60)
--- @field endpoint_url? string  AWS_ENDPOINT_URL_FINSPACE_DATA, AWS_ENDPOINT_URL and the profile's when absent
--- @field s3_endpoint_url? string  AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and the profile's when absent
--- @field sts_endpoint_url? string  AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL and the profile's when absent
--- @field ca_file? string  a PEM file of the only authorities to trust; the system's when absent
--- @field proxy? string  the URL of a proxy; as the environment says when absent
--- @field connect_timeout? number  seconds, for name, connection and handshake (10)
--- @field timeout? number  seconds, for one attempt (60)
--- @field max_body? integer  bytes of an answer that are held in memory (16 MiB)
--- @field max_attempts? integer  attempts of one call, with AWS_MAX_ATTEMPTS and the profile's before the default (3)
--- @field logger? fun(event: finspace.LogEvent|finspace.LogWarning)  called after each attempt, and for warnings
--- @field transport? finspace.Transport  sends requests in the host's place; this and what follows are for hosts and tests
--- @field close? fun()  closes that transport's connections
--- @field sleep? fun(seconds: number)  waits
--- @field now? fun(): number  epoch seconds
--- @field monotonic? fun(): number  seconds on a clock that is never set back
--- @field random? fun(): number  a number from 0 up to 1
--- @field uuid? fun(): string  a fresh UUID, for clientTokens
--- @field getenv? fun(name: string): string|nil  reads an environment variable
--- @field name? "plain"|"nginx"|"neovim"  the host to be taken for

--- @class finspace.PresignOptions
--- @field expires? integer  seconds for which the URL is good, a week at most (3600)
--- @field action? boolean  whether the query also names Action and Version (false)

--- @class finspace.ProcessKeys
--- @field command string|string[]  a program that prints keys as JSON; it runs without a shell
--- @field timeout? number  seconds, that it may take (60)
--- @field source? string  what to call these keys in messages

--- @class finspace.ProfileKeys
--- @field name? string  the profile; the selected one when absent
--- @field mfa_code? fun(serial: string): string  asked for a code when a role wants a second factor

--- @class finspace.ReadViewOptions
--- @field dataset string|table  its id, its `alias/…`, its title, or what found or made it
--- @field view? string  its id; the newest that is built when absent, an automatic one before others
--- @field file? string  where its rows go, as one file; without one they are iterated over
--- @field folder? string  where its files go as they are, below the folders of its partition columns

--- @class finspace.SharedKeys
--- @field dict table|userdata  a dictionary of ngx.shared
--- @field name string  tells these keys from others in it

--- @class finspace.SignOptions
--- @field method? string  of HTTP (GET)
--- @field path string  below the endpoint's own, percent-encoded, as it is to be sent
--- @field query? string  as it is to be sent, without `?`
--- @field headers? table<string, string>  those that are to be signed, too
--- @field body? string  whole, because the signature covers it

--- @class finspace.SingleSignOn
--- @field session? string  an sso-session's name; else sso_start_url
--- @field sso_start_url? string  where to sign in
--- @field sso_region string  where that is
--- @field sso_account_id string  the account
--- @field sso_role_name string  the role in it
--- @field profile? string  for messages
--- @field source? string  what to call these keys in messages

--- @class finspace.StaticKeys
--- @field access_key_id? string  the id of the access key
--- @field secret_access_key? string  its secret
--- @field session_token? string  of temporary keys
--- @field expires_at? number|string  their end: epoch seconds, or a time like 2026-11-22T17:18:32Z
--- @field expiration? number|string  the same, as web pages name it

--- @class finspace.WaitChangesetOptions: finspace.WaitOptions
--- @field datasetId string  which one
--- @field changesetId string  which one

--- @class finspace.WaitDataViewOptions: finspace.WaitOptions
--- @field datasetId string  which one
--- @field dataViewId string  which one

--- @class finspace.WaitDatasetOptions: finspace.WaitOptions
--- @field datasetId string  which one

--- @class finspace.WaitOptions
--- @field timeout? number  seconds, in all (3600)
--- @field min_interval? number  seconds, before the second look (0.1)
--- @field max_interval? number  seconds, between later looks (15)
--- @field on_status? fun(status: string, item: table)  called when the status is another one
--- @field cancel? fun(): boolean  asked before each look: true ends the wait

--- @class finspace.WebIdentity
--- @field token_file? string  a file that holds the token; AWS_WEB_IDENTITY_TOKEN_FILE when absent
--- @field role_arn? string  the role; AWS_ROLE_ARN when absent
--- @field role_session_name? string  a name for the session
--- @field duration_seconds? integer  how long the keys last (3600)
--- @field source? string  what to call these keys in messages

--- @class finspace.s3.AbortUpload
--- @field bucket string  the bucket's name
--- @field key string  the object's key, as its bytes are
--- @field upload_id string  what `create_upload` gave

--- @class finspace.s3.AbortUploads
--- @field bucket string  the bucket's name
--- @field prefix? string  what their keys begin with ()

--- @class finspace.s3.BucketPlace
--- @field bucket string  the bucket's name

--- @class finspace.s3.CompleteUpload
--- @field bucket string  the bucket's name
--- @field key string  the object's key, as its bytes are
--- @field upload_id string  what `create_upload` gave
--- @field etags string[]  the ETags of all parts, in order

--- @class finspace.s3.CreateUpload
--- @field bucket string  the bucket's name
--- @field key string  the object's key, as its bytes are
--- @field content_type? string  its media type
--- @field metadata? table<string, string>  names and values that stay with the object

--- @class finspace.s3.DeleteObject
--- @field bucket string  the bucket's name
--- @field key string  the object's key, as its bytes are

--- @class finspace.s3.DownloadFile
--- @field bucket string  the bucket's name
--- @field key string  the object's key
--- @field path string  where the file shall be
--- @field on_bytes? fun(count: integer, total: integer)  called with the bytes that have arrived since the last call
--- @field cancel? fun(): boolean  asked before each range: true stops the download

--- @class finspace.s3.EachObject
--- @field bucket string  the bucket's name
--- @field prefix? string  what their keys begin with

--- @class finspace.s3.GetBucketCors
--- @field bucket string  the bucket's name

--- @class finspace.s3.GetObject
--- @field bucket string  the bucket's name
--- @field key string  the object's key, as its bytes are
--- @field first? integer  the first byte to read, counted from 0
--- @field last? integer  the last byte to read, included
--- @field if_match? string  an ETag: another version of the object is an err
--- @field sink? table  `{ file, offset }`: the file that the bytes go to
--- @field max_body? integer  bytes that may be held in memory (16 MiB)

--- @class finspace.s3.HeadObject
--- @field bucket string  the bucket's name
--- @field key string  the object's key, as its bytes are

--- @class finspace.s3.ListObjects
--- @field bucket string  the bucket's name
--- @field prefix? string  what their keys begin with
--- @field delimiter? string  keys that agree up to it are told as one prefix
--- @field max_keys? integer  objects a page (1000)
--- @field token? string  a page's `next_token`
--- @field start_after? string  a key: the list begins after it

--- @class finspace.s3.ListParts
--- @field bucket string  the bucket's name
--- @field key string  the object's key, as its bytes are
--- @field upload_id string  what `create_upload` gave
--- @field marker? string  a page's `next_marker`

--- @class finspace.s3.ListUploads
--- @field bucket string  the bucket's name
--- @field prefix? string  what their keys begin with
--- @field key_marker? string  a page's `next_key`
--- @field upload_marker? string  a page's `next_upload`

--- @class finspace.s3.PutBucketCors
--- @field bucket string  the bucket's name
--- @field rules finspace.s3.CorsRule[]  all that it shall have

--- @class finspace.s3.PutObject
--- @field bucket string  the bucket's name
--- @field key string  the object's key, as its bytes are
--- @field body? string|finspace.FileSlice  the bytes: a string, or `{ file, offset, length }`
--- @field sha256? string  of the body, as 64 hexadecimal digits; a slice of a file needs it
--- @field content_type? string  its media type
--- @field metadata? table<string, string>  names and values that stay with the object

--- @class finspace.s3.UploadFile
--- @field path? string  the file
--- @field source? table  the file as it was looked at before, instead of its path
--- @field bucket string  the bucket's name
--- @field key string  the key that the object shall have
--- @field content_type? string  its media type
--- @field on_bytes? fun(count: integer)  called with the bytes that have arrived since the last call
--- @field cancel? fun(): boolean  asked before each part: true stops the upload
--- @field resume? boolean  goes on with an upload of this key that was begun before (false)
--- @field keep? fun(err: finspace.Error): boolean  whether to leave the parts of an upload that failed, to be resumed

--- @class finspace.s3.UploadPart
--- @field bucket string  the bucket's name
--- @field key string  the object's key, as its bytes are
--- @field upload_id string  what `create_upload` gave
--- @field number integer  the part's number
--- @field body string|finspace.FileSlice  the bytes: a string, or `{ file, offset, length }`
--- @field sha256? string  of the body, as 64 hexadecimal digits; a slice of a file needs it
