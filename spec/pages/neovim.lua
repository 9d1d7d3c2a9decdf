-- A program of the pages in Neovim, until the buffer has what it is to show.

local PATIENCE = 20000 -- milliseconds

local vim = _G.vim

local function is_shown()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), "\n") == vim.env.AUI_PAGE_SHOWN
end

dofile(vim.env.AUI_PAGE_PROGRAM)
vim.cmd(vim.wait(PATIENCE, is_shown) and "qall!" or "cquit")
