-- The buffer in which a conversation can be read. An exchange is written at its end while the buffer is locked, and is
-- one step to undo.

local message_module = require "aui_nvim.message"

local api = vim.api

local transcript = {}

local NAME = "aui://conversation"

-- The question of a line on which <CR> was pressed is asked; elsewhere the key does what it always does.
local function pick()
  local suggestion = message_module.suggestion_of(api.nvim_get_current_line())
  if suggestion then return require("aui_nvim").ask(suggestion) end
  vim.cmd "normal! \r"
end

-- The buffer, which is made again when the user has unloaded it.
local function buffer()
  local buf = vim.fn.bufadd(NAME)
  if api.nvim_buf_is_loaded(buf) then return buf end
  vim.bo[buf].buftype, vim.bo[buf].bufhidden, vim.bo[buf].swapfile = "nofile", "hide", false
  vim.fn.bufload(buf)
  vim.bo[buf].filetype = "markdown"
  vim.cmd(("autocmd BufUnload <buffer=%d> lua require('aui_nvim').give_up()"):format(buf))
  api.nvim_buf_set_keymap(buf, "n", "<CR>", "", { callback = pick, desc = "Ask what this line suggests" })
  return buf
end

-- The last line, from 0, and its length.
local function end_of(buf)
  local row = api.nvim_buf_line_count(buf) - 1
  return row, #api.nvim_buf_get_lines(buf, row, row + 1, true)[1]
end

-- A cursor on the last line follows the text, unless the user is doing something there.
local function follows(win, last_row)
  if api.nvim_win_get_cursor(win)[1] <= last_row then return false end
  return win ~= api.nvim_get_current_win() or api.nvim_get_mode().mode == "n"
end

-- Calls `edit`, after which all cursors are where they were if that is still there, or at the end again.
local function keeping_cursors(buf, edit)
  local last_row = end_of(buf)
  local places = {}
  for _, win in ipairs(vim.fn.win_findbuf(buf)) do
    places[win] = not follows(win, last_row) and api.nvim_win_get_cursor(win)
  end
  edit()
  local row, col = end_of(buf)
  for win, place in pairs(places) do
    api.nvim_win_set_cursor(win, place and place[1] <= row and place or { row + 1, col })
  end
end

local function go_to_end(buf)
  local row, col = end_of(buf)
  for _, win in ipairs(vim.fn.win_findbuf(buf)) do
    api.nvim_win_set_cursor(win, { row + 1, col })
  end
end

-- Puts `text` in place of all that follows. Only here is the buffer unlocked.
local function replace_end(buf, row, col, text)
  keeping_cursors(buf, function()
    local last_row, last_col = end_of(buf)
    vim.bo[buf].modifiable = true
    api.nvim_buf_set_text(buf, row, col, last_row, last_col, vim.split(text, "\n", { plain = true }))
    vim.bo[buf].modifiable = false
  end)
  if api.nvim_get_mode().mode == "c" then vim.cmd "redraw" end -- the editor draws no text while a command is typed
end

-- Undo knows no buffer but the current one.
local function in_buffer(buf, command)
  api.nvim_buf_call(buf, function() vim.cmd(command) end)
end

--- Shows the transcript in a window of this tab page; the user stays where they are.
---@param modifiers string of the command that splits the window
function transcript.open(modifiers)
  local buf = buffer()
  for _, win in ipairs(api.nvim_tabpage_list_wins(0)) do
    if api.nvim_win_get_buf(win) == buf then return end
  end
  local current = api.nvim_get_current_win()
  vim.cmd(modifiers .. " split")
  api.nvim_win_set_buf(0, buf)
  vim.cmd "setlocal wrap linebreak nodiff noscrollbind nocursorbind" -- which it has from the window that was split
  go_to_end(buf)
  api.nvim_set_current_win(current)
end

local Exchange = {}
Exchange.__index = Exchange

--- Writes the question, if there is one, and where its answer is to be. Nobody else writes until the exchange ends.
---@param question? string
function transcript.begin(question)
  local buf = buffer()
  in_buffer(buf, "let &g:undolevels = &g:undolevels") -- which begins a new step
  local row, col = end_of(buf)
  local gap = row + col > 0 and "\n\n" or ""
  local asked = question and ("## You\n\n%s\n\n"):format(question) or ""
  replace_end(buf, row, col, gap .. asked .. "## Agent\n\n")
  go_to_end(buf)
  return setmetatable({ buf = buf, first = end_of(buf) }, Exchange)
end

-- Where the first `bytes` bytes of the answer end.
function Exchange:place(bytes)
  local row = self.first
  for _, line in ipairs(api.nvim_buf_get_lines(self.buf, row, -1, false)) do
    if bytes <= #line then return row, bytes end
    row, bytes = row + 1, bytes - #line - 1
  end
  return end_of(self.buf)
end

function Exchange:write(row, col, text)
  in_buffer(self.buf, "silent! undojoin")
  replace_end(self.buf, row, col, text)
end

-- A paragraph below what there is.
function Exchange:append(paragraph)
  local row, col = end_of(self.buf)
  self:write(row, col, (col > 0 and "\n\n" or "") .. paragraph)
end

-- Not if the user has unloaded the buffer.
function Exchange:is_there() return api.nvim_buf_is_loaded(self.buf) end

--- Keeps the first `keep` bytes of the answer and puts `chunk` after them.
function Exchange:show(chunk, keep)
  if not self:is_there() then return end
  local row, col = self:place(keep)
  self:write(row, col, chunk)
end

--- Ends the exchange as it is.
function Exchange:leave()
  if self:is_there() then vim.bo[self.buf].modifiable = true end
end

--- The answer is complete: writes what came with its text.
function Exchange:finish(message)
  if not self:is_there() then return end
  for _, paragraph in ipairs(message_module.paragraphs(message)) do
    self:append(paragraph)
  end
  self:leave()
end

--- The answer ends here.
---@param err aui.Error
function Exchange:fail(err)
  if not self:is_there() then return end
  self:append(message_module.failure(err))
  self:leave()
end

return transcript
