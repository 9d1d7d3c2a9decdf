-- The commands of the plugin; what they do is loaded when one of them is first used.

if vim.g.loaded_aui then return end
vim.g.loaded_aui = 1

vim.api.nvim_create_user_command("Aui", function(command) require("aui_nvim").run(command) end, {
  nargs = "*",
  range = true,
  bang = true,
  desc = "Ask the AUI agent; with a range, about these lines; with !, the last question again",
})
vim.api.nvim_create_user_command("AuiStop", function() require("aui_nvim").stop() end, {
  desc = "Stop the answer of the AUI agent",
})
