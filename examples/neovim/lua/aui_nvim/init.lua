-- The conversation: one task or thread of the agent's, one session, and one answer at a time, whose text goes to the
-- transcript.

local options = require "aui_nvim.options"
local transcript = require "aui_nvim.transcript"

local aui_nvim = {}

local FRAME = 0.02 -- seconds: nobody sees text that changes faster

local client, session -- opened for the first question
local user_id -- whose conversation it is
local is_thread -- whether that is a thread, which the server makes with the first message, or else a task
local has_begun -- whether the agent has had the first word, or the conversation is an older one
local task_id
local beginning -- the coroutine that begins it, while it does
local reply -- the one under way
local last_question

-- Tells it in one line of the screen: a longer message would halt the editor until a key is pressed.
local function notify(words, level)
  local format = ("aui: %%.%dS"):format(math.max(20, vim.v.echospace - #"aui: " - 1))
  vim.cmd "redraw" -- so that it takes the place of another message
  vim.notify(vim.fn.printf(format, (words:gsub("%s+", " "))), vim.log.levels[level])
end

-- A lost connection is of interest while an answer waits for the next one.
local function tell(event)
  if event.event == "state" and event.err and not (reply and event.delay) then return end
  local words = event.err and tostring(event.err) or event.message
  if event.delay then words = ("again in %.2g s: %s"):format(event.delay, event.err.message) end
  notify(words, event.level:upper())
end

-- The module, made to run in the editor's own loop; nil if it cannot be had.
local function load_module()
  local loaded, aui = pcall(require, "aui")
  if not loaded then return notify("the Lua module cannot be loaded; see :checkhealth aui", "ERROR") end
  require("aui.adapter.luv").attach(vim.uv or vim.loop)
  return aui
end

local function close()
  if beginning then beginning:cancel() end
  if session then session:close() end
  session, task_id, has_begun = nil, nil, false
end

-- The loop will not run again: what tells the server is sent now.
local function leave()
  close()
  require("aui").step()
end

-- What a function of the module returns; nil, and the user is told why, if it raises or returns an error.
local function attempt(fn, ...)
  local ok, result, err = pcall(fn, ...)
  if ok and result then return result end
  notify(tostring(ok and err or result):gsub("^[^:]+:%d+: ", ""), "ERROR")
end

local function new_session(aui)
  local its_options, level
  its_options, user_id, level = options.read()
  aui.log(level and tell or nil, level or nil)
  client = aui.client(its_options)
  is_thread = client.api == "threads"
  local conversation = options.conversation(its_options, client.api, user_id)
  task_id = conversation.task_id
  has_begun = (task_id or conversation.thread_id) ~= nil
  return client:session(conversation)
end

local function open()
  if session then return end
  local aui = load_module()
  session = aui and attempt(new_session, aui)
  if not session then return end
  vim.api.nvim_create_autocmd("VimLeavePre", {
    group = vim.api.nvim_create_augroup("aui", {}),
    callback = leave,
  })
end

-- A task. What comes while it sleeps is read as one chunk, so that no stream is too fast for the editor.
local function follow(its_reply, exchange)
  for chunk, keep in function() return its_reply:next() end do
    exchange:show(chunk, keep)
    require("aui").sleep(FRAME)
  end
  local message, err = its_reply:message()
  reply = nil
  if message then
    exchange:finish(message)
  else
    exchange:fail(err)
  end
end

-- Whether the question was accepted.
local function send(text)
  local accepted = attempt(session.send, session, { text = text, task_id = task_id })
  if not accepted then return false end
  reply = accepted
  require("aui").spawn(follow, reply, transcript.begin(text))
  return true
end

-- What the agent says first: in a new task, or in any new thread.
local function get_welcome()
  if not is_thread then return client:create_task { user_id = user_id } end
  local welcome, err = client:welcome_message()
  if welcome then welcome.followup_suggestions = {} end
  return welcome, err
end

-- A task of its own: waits for what the agent says first, and then asks, if there is something to ask.
local function greet(its_beginning, exchange, text)
  local welcome, err = its_beginning:join()
  beginning = nil
  if not welcome then return exchange:fail(err) end
  task_id, has_begun = welcome.id, true
  exchange:show(welcome.welcome_message or "", 0)
  if not text then return exchange:finish(welcome) end
  exchange:leave()
  send(text)
end

local function begin(text)
  local aui = require "aui"
  beginning = aui.spawn(get_welcome)
  aui.spawn(greet, beginning, transcript.begin(), text)
end

local function is_busy() return reply ~= nil or beginning ~= nil end

--- Asks the agent; the answer streams into the transcript. A new conversation begins with the agent's first word.
---@param text string
---@param modifiers? string of a command that splits a window, such as "vertical"
function aui_nvim.ask(text, modifiers)
  if is_busy() then return notify("an answer is under way; :AuiStop stops it", "WARN") end
  open()
  if not session then return end
  if not has_begun then
    begin(text)
  elseif not send(text) then
    return
  end
  last_question = text
  transcript.open(modifiers or "")
end

--- Shows the transcript; the agent has the first word there.
---@param modifiers? string as of aui_nvim.ask
function aui_nvim.show(modifiers)
  if not is_busy() then
    open()
    if session and not has_begun then begin() end
  end
  transcript.open(modifiers or "")
end

--- As stop, where nobody minds if there is nothing to stop.
function aui_nvim.give_up()
  if beginning then beginning:cancel() end
  if reply then reply:cancel() end
end

--- Stops the answer under way; what has arrived of it stays.
function aui_nvim.stop()
  if not is_busy() then return notify("there is no answer to stop", "WARN") end
  aui_nvim.give_up()
end

-- The words of a command, then the lines of its range.
local function question_of(command)
  if command.bang then return last_question or "" end
  local parts = {}
  if command.args ~= "" then parts[1] = command.args end
  if command.range > 0 then
    local lines = vim.api.nvim_buf_get_lines(0, command.line1 - 1, command.line2, true)
    parts[#parts + 1] = table.concat(lines, "\n")
  end
  return table.concat(parts, "\n\n")
end

--- The command :Aui.
function aui_nvim.run(command)
  local text = question_of(command)
  if text == "" then return aui_nvim.show(command.mods) end
  aui_nvim.ask(text, command.mods)
end

--- Sets the options (:help aui-options) in place of those in vim.g.aui. The next question opens a new session.
---@param given table
function aui_nvim.setup(given)
  close()
  options.set(given)
end

return aui_nvim
