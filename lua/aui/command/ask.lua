-- aui ask: one question, and the answer. A terminal shows it while it is written, with what comes with it; elsewhere
-- the text alone is written, once it is final, since agents take back what they have said.

local aui = require "aui"
local failure = require "aui.command.failure"
local products = require "aui.command.products"
local screen = require "aui.command.screen"
local setting = require "aui.command.setting"
local terminal = require "aui.command.terminal"
local text = require "aui.command.text"

local ask = {}

--- Declares its arguments.
function ask.declare(command)
  command:argument("text", "The question; - or nothing: standard input has it."):args "*"
  command:flag("--json", "Print the whole message as JSON.")
  command:flag("-v --verbose", "Say on standard error how to go on, as at a terminal.")
  setting.declare_conversation(command)
end

local function question(words)
  local asked = table.concat(words, " ")
  if asked == "" and terminal.is_there(0) then failure.usage "ask: expected a question" end
  if asked == "" or asked == "-" then asked = text.trim(io.read "*a") end
  if asked == "" then failure.usage "ask: the question is empty" end
  return asked
end

local function begin(read, asked)
  local client = aui.client(setting.options(read))
  local id = setting.conversation_id(read, client.api)
  local place = client.api == "tasks" and { task_id = id } or { thread_id = id }
  place.user_id = setting.user(read)
  local session = failure.assert(client:connect(place))
  return session, session:send(asked)
end

local function show(reply)
  local chunk, keep = terminal.wait_for(reply.next, reply)
  local answer = chunk and screen.paragraph "Agent"
  while chunk do
    answer:add(chunk, keep)
    chunk, keep = reply:next()
  end
  screen.finish()
  local message = failure.assert(reply:message())
  screen.block(products.table(message, screen.width()))
  screen.block("You could ask", text.lines(message.followup_suggestions))
end

local function said(message) return type(message.text) == "string" and message.text or "" end

local function print_plain(reply, is_json)
  local message = failure.assert(terminal.wait_for(reply.message, reply))
  io.write(is_json and text.json(reply:json()) or said(message), "\n")
end

-- How to go on in the same conversation, where its id is known, and such that a shell takes it as it is.
local function hint(session)
  local id = session.thread_id or session.task_id
  if not id or id:find "[^0-9A-Za-z._-]" then return end
  io.stderr:write(("\n(aui ask --%s %s ... goes on)\n"):format(session.thread_id and "thread" or "task", id))
end

--- Asks.
function ask.run(read)
  setting.record(read)
  local session, reply = terminal.wait_for(begin, read, question(read.text))
  if not read.json and terminal.is_there(1) then
    show(reply)
  else
    print_plain(reply, read.json)
  end
  if read.verbose or terminal.is_there(2) then hint(session) end
  session:close()
end

return ask
