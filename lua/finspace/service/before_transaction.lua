--- What an operation does before its transaction, which would make others wait for it: by the operation's
--- name. Each checks who may, as the operation itself does again, and keeps what it made in the call.

local ids = require("finspace.service.ids")
local passwords = require("finspace.service.passwords")
local user_rows = require("finspace.service.user_rows")

local before_transaction = {}

--- The slow hash of a new password.
--- @param call table
function before_transaction.ResetUserPassword(call)
  user_rows.find_to_manage(call)
  call.password = ids.password()
  call.password_hash = passwords.hash(call.password)
end

return before_transaction
