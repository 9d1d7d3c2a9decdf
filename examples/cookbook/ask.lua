-- ask.lua QUESTION: prints the answer. On a terminal a sign turns meanwhile. The exit status says what went wrong.
local aui = require "aui"

if not arg[1] then
  io.stderr:write "usage: ask.lua QUESTION\n"
  os.exit(2)
end

local STATUS = { auth = 3, application = 4, rate_limit = 5, server = 6, transport = 7, timeout = 8 } -- others: 1
local SIGNS = { "|", "/", "-", "\\" }

local function answer(question)
  local session = assert(aui.connect {
    url = (os.getenv "AUI_URL" or ""):match ".+",
    user_id = "ask",
  })
  local message = assert(session:ask(question))
  session:close()
  return message.text
end

local visible = os.execute "test -t 2" == true
local task, turn = aui.spawn(answer, table.concat(arg, " ")), 0
local text, err
repeat
  turn = turn % #SIGNS + 1
  if visible then io.stderr:write("\r", SIGNS[turn]) end
  text, err = task:join(0.1)
until task:status() ~= "pending"
if visible then io.stderr:write "\r \r" end

if text then return print(text) end
io.stderr:write(tostring(err), "\n")
os.exit(STATUS[err.kind] or 1)
