-- many.lua <QUESTIONS >ANSWERS: answers each line of the input in a line of the output, ten at a time.
local aui = require "aui"

local questions = {}
for line in io.lines() do questions[#questions + 1] = line end

local client = aui.client { url = (os.getenv "AUI_URL" or ""):match ".+" }

-- The options of a session in a conversation of its own: a thread that the server makes, or in the tasks API a task.
local function anew()
  if client.api == "threads" then return { user_id = "many" } end
  return { task_id = assert(client:create_task { user_id = "many" }).id }
end

local function answer(question)
  local session = assert(client:session(anew())) -- waits for nothing: the question waits for a connection
  local message, err = session:ask(question, { retries = 3 })
  session:close()
  return assert(message, err).text
end

local answers, errors = aui.map(questions, answer, { at_once = 10 })
local failed = 0
for index, question in ipairs(questions) do
  print(((answers[index] or ""):gsub("\n", " ")))
  if errors[index] then
    failed = failed + 1
    io.stderr:write(question, ": ", tostring(errors[index]), "\n")
  end
end
os.exit(failed == 0)
