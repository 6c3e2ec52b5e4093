--- Which host this is, told by what it puts into the global table.
local detect = {}

--- @return "plain"|"nginx"|"neovim"
function detect.name()
  local ngx, vim = rawget(_G, "ngx"), rawget(_G, "vim")
  if ngx and ngx.socket then return "nginx" end
  if vim and vim.loop then return "neovim" end
  return "plain"
end

return detect
