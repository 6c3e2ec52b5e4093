--- What an operation does before its transaction, which would make others wait for it: by the operation's
--- name. Each checks who may, as the operation itself does again, and keeps what it made in the call.

local ids = require("finspace.service.ids")
local key_requests = require("finspace.service.auth.key_requests")
local passwords = require("finspace.service.auth.passwords")
local user_rows = require("finspace.service.auth.user_rows")

local before_transaction = {}

--- The slow hash of a new password.
--- @param call table
function before_transaction.ResetUserPassword(call)
  user_rows.find_to_manage(call)
  call.password = ids.password()
  call.password_hash = passwords.hash(call.password)
end

--- The keys that a store of many machines makes: it is asked over the network.
--- @param call table
function before_transaction.GetProgrammaticAccessCredentials(call)
  call.keys = call.store:keys(key_requests.of_user(call))
end

--- @param call table
function before_transaction.GetExternalDataViewAccessDetails(call)
  call.keys = call.store:keys(key_requests.of_view(call))
end

return before_transaction
