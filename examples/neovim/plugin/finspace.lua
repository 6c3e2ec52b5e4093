--- Commands for FinSpace. Put this folder on 'runtimepath' and see `:help finspace`.
if vim.g.loaded_finspace then return end
vim.g.loaded_finspace = true

vim.api.nvim_create_user_command(
  "FinspaceLoad",
  function(command) require("finspace_nvim.load").command(command) end,
  { nargs = 1, range = true, bang = true, desc = "Load this file, or the selected lines, into a dataset" }
)

vim.api.nvim_create_user_command(
  "FinspaceChangesets",
  function(command) require("finspace_nvim.changesets").open(command.args) end,
  { nargs = 1, desc = "Show a dataset's changesets, kept up to date" }
)
