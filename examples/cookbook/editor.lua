-- For Neovim, :luafile editor.lua: the command :Ask QUESTION writes the answer into a new buffer while it comes.
local aui = require "aui"
require("aui.adapter.luv").attach(vim.uv or vim.loop)

local function complain(err) vim.notify(tostring(err), vim.log.levels.ERROR) end

local function write(question, buffer)
  local session, failure = aui.connect {
    url = (os.getenv "AUI_URL" or ""):match ".+",
    user_id = "editor",
  }
  if not session then return complain(failure) end
  local reply, text = session:send(question), ""
  local chunk, keep = reply:next()
  while chunk and vim.api.nvim_buf_is_valid(buffer) do
    text = text:sub(1, keep) .. chunk
    vim.api.nvim_buf_set_lines(buffer, 0, -1, true, vim.split(text, "\n"))
    chunk, keep = reply:next()
  end
  reply:cancel() -- of a buffer that is gone
  local message, err = reply:message()
  if not message and err.kind ~= "canceled" then complain(err) end
  session:close()
end

vim.api.nvim_create_user_command("Ask", function(command)
  vim.cmd "new"
  vim.bo.buftype, vim.bo.bufhidden = "nofile", "wipe"
  aui.spawn(write, command.args, vim.api.nvim_get_current_buf())
end, { nargs = "+" })
