--- The one client of the editor, made when a command needs it, with the options in `vim.g.finspace`.
local client = {}

local current, options

--- The client for the options as they are now: corrected ones make another. Wrong ones raise.
--- @return finspace.Client
function client.get()
  local wanted = vim.g.finspace or {}
  if not current or not vim.deep_equal(options, wanted) then
    current, options = require("finspace").new(wanted), vim.deepcopy(wanted)
  end
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
