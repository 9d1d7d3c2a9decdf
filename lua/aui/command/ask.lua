-- aui ask: one question, and the answer. A terminal shows it while it is written; elsewhere it is written once it is
-- final, since agents take back what they have said.

local aui = require "aui"
local failure = require "aui.command.failure"
local setting = require "aui.command.setting"
local terminal = require "aui.command.terminal"

local ask = {}

--- Declares its arguments.
function ask.declare(command)
  command:argument("text", "The question; - or nothing: standard input has it."):args "*"
  command:flag("--json", "Print the whole message as JSON.")
  command:flag("-v --verbose", "Say on standard error how to go on, as at a terminal.")
  command:option("--task", "The task to go on with, in place of a new one.")
  command:option("--thread", "The thread to go on with, of the threads API.")
  setting.declare(command)
end

local function question(words)
  local text = table.concat(words, " ")
  local is_typed = text ~= "" and text ~= "-"
  if not is_typed and terminal.is_there(0) and text ~= "-" then failure.usage "ask: expected a question" end
  if not is_typed then text = (io.read "*a"):gsub("%s+$", "") end
  if text == "" then failure.usage "ask: the question is empty" end
  return text
end

local function begin(read, text)
  local session = assert(aui.client(setting.options(read)):connect {
    task_id = read.task,
    thread_id = read.thread,
    user_id = setting.user(read),
  })
  return session, session:send(text)
end

-- Shows the answer while it comes. What is taken back stays where it is: the whole is shown anew below.
local function follow(reply)
  local shown = ""
  local chunk, keep = terminal.wait_for(reply.next, reply)
  while chunk do
    local is_more = keep == #shown
    shown = shown:sub(1, keep) .. chunk
    io.write(terminal.clean(is_more and chunk or "\n\n" .. shown))
    io.flush()
    chunk, keep = reply:next()
  end
  if shown ~= "" then io.write "\n" end
  return assert(reply:message())
end

-- How to go on in the same conversation.
local function hint(session)
  local option = session.thread_id and "--thread " .. session.thread_id or "--task " .. session.task_id
  io.stderr:write("(aui ask ", terminal.clean(option), " ... goes on)\n")
end

--- Asks.
function ask.run(read)
  local session, reply = terminal.wait_for(begin, read, question(read.text))
  if not read.json and terminal.is_there(1) then
    follow(reply)
  else
    local message = assert(terminal.wait_for(reply.message, reply))
    io.write(read.json and reply:json() or message.text, "\n")
  end
  if read.verbose or terminal.is_there(2) then hint(session) end
  session:close()
end

return ask
