--- The one client of the editor, made when a command needs it, with the options in `vim.g.finspace`.
local client = {}

local current

--- @return finspace.Client
function client.get()
  current = current or require("finspace").new(vim.g.finspace or {})
  return current
end

--- One line or more in the message area, kept in `:messages`.
--- @param text string
--- @param highlight? string
function client.say(text, highlight) vim.api.nvim_echo({ { text, highlight } }, true, {}) end

--- Tells a person about an err.
--- @param err finspace.Error
function client.complain(err) client.say(tostring(err), "ErrorMsg") end

return client
