--- @meta finspace.core
-- luacheck: ignore

--- The core: the API as data, requests and answers, signatures, digests. It opens no connection, reads no clock
--- and no file. A wrong argument raises and names itself; no message shows a value.
local core = {}

--- @class finspace.OperationRow  what the model knows of one wire form of an operation
--- @field name string
--- @field generation string        the wire form: the date of its API
--- @field method string            of HTTP
--- @field path string              with `{member}` where a member goes
--- @field input finspace.MemberRow[]
--- @field output finspace.MemberRow[]
--- @field errors string[]          the codes that it may be refused with
--- @field client_token? string     where its clientToken goes
--- @field chosen_by? string        a member that makes a request one of this form
--- @field pagination? { token: string, limit: string, result: string }  the members that a list is walked by

--- @class finspace.MemberRow
--- @field name string
--- @field wire string              as the wire spells it
--- @field place "path"|"query"|"body"|"status"
--- @field type string              "string", "integer", "long", "boolean", "timestamp", "structure", "list" or "map"
--- @field required boolean
--- @field sensitive boolean        never shown
--- @field client_token boolean
--- @field min? integer
--- @field max? integer
--- @field pattern? string          by its name
--- @field enum? string[]

--- All operations, each wire form a row of its own.
--- @return finspace.OperationRow[]
function core.operations() end

--- The names of all operations, each with the generation of its newest form.
--- @return table<string, string>
function core.operation_names() end

--- One operation; without a generation, its oldest form.
--- @param name string
--- @param generation? string
--- @return finspace.OperationRow|nil
function core.operation(name, generation) end

--- @class finspace.ErrorRow
--- @field code string
--- @field statuses integer[]       the HTTP statuses that it comes with
--- @field retryable boolean
--- @field throttle boolean
--- @field clock boolean            the caller's clock is wrong
--- @field credentials boolean      fresh keys may help

--- The codes of errors that are known, and what they mean.
--- @return finspace.ErrorRow[]
function core.errors() end

--- @class finspace.Verdict
--- @field kind "throttle"|"credentials"|"service"|"client"|"protocol"
--- @field retryable boolean    the same request may succeed later
--- @field throttle boolean     it came too often: wait longer
--- @field clock boolean        the caller's clock may be wrong
--- @field credentials boolean  fresh keys may help

--- What an answer that is no success means, of any AWS service: the one classification of errors.
--- @param code? string  the error's code; unknown ones are judged by the status
--- @param status integer  the HTTP status
--- @return finspace.Verdict
function core.judge(code, status) end

--- Checks members against the model and writes the request.
--- @param name string
--- @param params table|nil        the members, in the wire's spelling
--- @param client_token? string    used where the members have none
--- @return { method: string, path: string, query: string, body: string|nil, headers: table|nil, generation: string }|nil
--- @return finspace.Fault[]|nil faults  all of them
function core.prepare(name, params, client_token) end

--- Checks a request that was received, by the same rules. Unknown members are let pass, as a service does.
--- @param name string
--- @param generation string
--- @param params table
--- @return table|nil params
--- @return finspace.Fault[]|nil faults
function core.check(name, generation, params) end

--- Reads an answer: the result, or the fields of an err.
--- @param name string
--- @param generation string
--- @param response finspace.Response
--- @return table|nil result
--- @return table|nil fields
function core.finish(name, generation, response) end

--- Writes an operation's answer as JSON; empty lists and whole numbers stay what they are.
--- @param name string
--- @param generation string
--- @param result table
--- @return string json
function core.json_encode(name, generation, result) end

--- Reads JSON, at most 64 deep. Nulls become absent.
--- @param json string
--- @return any value
--- @return string|nil message
function core.decode(json) end

--- @param data string
--- @return string  64 hexadecimal digits
function core.sha256(data) end

--- For names that others derive by SHA-1; it protects nothing.
--- @param data string
--- @return string  40 hexadecimal digits
function core.sha1(data) end

--- @param key string
--- @param message string
--- @return string  32 bytes
function core.hmac_sha256(key, message) end

--- @class finspace.DigestStream
local stream = {}

--- @return finspace.DigestStream
function core.sha256_stream() end

--- @param data string
function stream:update(data) end

--- The hash of all that came so far.
--- @return string  64 hexadecimal digits
function stream:hex() end

--- Forgets what came.
function stream:close() end

--- Which implementation hashes here; with a name, that one from now on, for tests.
--- @param name? string
--- @return string
function core.digest_backend(name) end

--- Percent-encodes as AWS signs it: everything but letters, digits and `-._~`.
--- @param text string
--- @param keep_slashes? boolean
--- @return string
function core.uri_encode(text, keep_slashes) end

--- @param text string
--- @return string
function core.uri_decode(text) end

--- @class finspace.SignableRequest
--- @field method string
--- @field path string              percent-encoded, as it is sent
--- @field query? string
--- @field headers table<string, string>|{ [1]: string, [2]: string }[]
--- @field body? string
--- @field payload_hash? string     instead of the body: its SHA-256 in hexadecimal, or a word like UNSIGNED-PAYLOAD

--- @class finspace.Signer
local signer = {}

--- Keys bound to a region and a service. It keeps the day's signing key, and wipes everything when it is closed
--- or collected.
--- @param credentials { access_key_id: string, secret_access_key: string, session_token: string|nil }
--- @param region string
--- @param service string
--- @return finspace.Signer
function core.signer(credentials, region, service) end

--- Signs: sets the headers of the request.
--- @param request finspace.SignableRequest
--- @param time integer  epoch seconds
--- @return finspace.SignableRequest|nil request
--- @return string|nil why  it cannot be signed
function signer:sign(request, time) end

--- @param request finspace.SignableRequest
--- @param time integer      epoch seconds
--- @param expires? integer  seconds, 3600 when absent
--- @return string|nil query  the whole of it
--- @return string|nil message
function signer:presign(request, time, expires) end

--- Wipes the keys. Again is harmless.
function signer:close() end

--- @class finspace.RawSigning: finspace.SignableRequest
--- @field credentials { access_key_id: string, secret_access_key: string, session_token: string|nil }
--- @field region string
--- @field service string
--- @field time integer                 epoch seconds
--- @field form? "header"|"query"       where the signature goes: a header when absent
--- @field expires? integer             seconds, for the query form
--- @field normalize? boolean           whether dot segments and double slashes are tidied away; not for S3
--- @field double_encode? boolean       whether the path is encoded once more; not for S3
--- @field sign_body? boolean           whether x-amz-content-sha256 is sent; for S3
--- @field omit_session_token? boolean  whether the token is added after signing

--- Signs and shows every stage, for vectors and for those who want to see.
--- @param raw finspace.RawSigning
--- @return { headers: table, query: string|nil, authorization: string|nil, canonical_request: string, string_to_sign: string, signature: string }|nil
--- @return string|nil message
function core.sign(raw) end

--- @class finspace.Authorization
--- @field form "header"|"query"
--- @field access_key_id string
--- @field date string
--- @field region string
--- @field service string
--- @field signed_headers string
--- @field signature string
--- @field session_token? string
--- @field payload_hash? string
--- @field time integer                 epoch seconds
--- @field expires? integer             seconds, in the query form

--- Reads what a request says of its signature, and believes none of it yet.
--- @param request finspace.SignableRequest
--- @param service? string  whose codes a refusal shall have
--- @return finspace.Authorization|nil auth
--- @return string|nil code, string|nil message, integer|nil status
function core.authorization(request, service) end

--- @class finspace.VerifyPolicy
--- @field now integer               epoch seconds
--- @field region string
--- @field service string
--- @field max_skew? integer         seconds that the caller's clock may be off, 900 when absent
--- @field payload_hash? string|false  the body's SHA-256; false: the body is still to come
--- @field normalize? boolean
--- @field double_encode? boolean

--- Verifies a signature, in a time that does not depend on where it differs.
--- @param request finspace.SignableRequest
--- @param auth finspace.Authorization
--- @param secret_access_key string|nil  nil: the key is unknown
--- @param policy finspace.VerifyPolicy
--- @return true|nil
--- @return string|nil code, string|nil message, integer|nil status
function core.verify(request, auth, secret_access_key, policy) end

--- @class finspace.ChunkedSeed
--- @field payload_hash string       the word that announces the chunks' form
--- @field decoded_length integer    bytes of the body without its frames
--- @field secret_access_key string
--- @field signature string          the request's, which the first chunk's follows
--- @field time integer              epoch seconds
--- @field region string
--- @field service string

--- @class finspace.ChunkedReader
local reader = {}

--- A reader of bodies in S3's chunks, which verifies each of them.
--- @param seed finspace.ChunkedSeed
--- @return finspace.ChunkedReader
function core.chunked(seed) end

--- @param bytes string  as they came
--- @return string|nil body  what of the body was in them
--- @return string|nil code, string|nil message, integer|nil status
function reader:read(bytes) end

--- Whether all of it came.
--- @return boolean
function reader:is_done() end

--- The headers that came after the body, by names in lower case.
--- @return table<string, string>
function reader:trailer() end

--- Wipes the key. Again is harmless.
function reader:close() end

--- A cyclic checksum, the greatest byte first.
--- @param kind "crc32"|"crc32c"|"crc64nvme"
--- @param bytes string
--- @param before? string  the checksum of what came before
--- @return string
function core.crc(kind, bytes, before) end

--- The checksum of two pieces that lie one after the other.
--- @param kind "crc32"|"crc32c"|"crc64nvme"
--- @param first string
--- @param second string
--- @param length integer  bytes of the second
--- @return string
function core.crc_combine(kind, first, second, length) end

--- The value of a text, exactly: nothing is rounded to a whole number, and there is no infinity.
--- @param kind "TINYINT"|"SMALLINT"|"INTEGER"|"BIGINT"|"FLOAT"|"DOUBLE"|"BOOLEAN"|"DATE"|"DATETIME"
--- @param text string
--- @return number|boolean|nil value  of a DATE days, of a DATETIME microseconds, both since 1970; nil where the text is no such value
function core.typed_value(kind, text) end

--- The text of a date or a time, which typed_value reads as the same number. A year beyond 9999 has more digits, one before
--- 0001 is followed by "(BC)".
--- @param kind "DATE"|"DATETIME"
--- @param value integer  days, microseconds since 1970
--- @return string text  2020-01-01, 2020-01-01T10:00:00.5: in UTC, without saying so
function core.typed_text(kind, value) end

--- Where the function is that reads a type's values for DuckDB, as LuaJIT's FFI wants it (src/typed_vectors.h).
--- @param kind string  as for typed_value
--- @return number address  of a duckdb_scalar_function_t
function core.typed_function(kind) end

--- Where typed_use is, which says where DuckDB's own functions are.
--- @return number address
function core.typed_use_address() end

--- What lines_write takes a column of a type for (src/lines.h).
--- @param type string  as DuckDB calls it
--- @return integer|nil kind  nil for a type that must be text before
function core.lines_kind(type) end

--- Where lines_write is, which writes rows of DuckDB's as lines of delimited text, as LuaJIT's FFI wants it.
--- @return number address
function core.lines_write_address() end

return core
