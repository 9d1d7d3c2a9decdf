-- A bot: asks an agent one question, shows the answer as it arrives, then what came with it.
-- Usage: main.lua [QUESTION]. The key is that of AUI_NETWORK_API_KEY, or of AUI_PUBLISHABLE_KEY, by which it speaks the
-- threads API; AUI_TASK_ID or AUI_THREAD_ID is the conversation to go on with, in place of a new one. With AUI_URL it
-- talks to that server instead of the service, such as aui-sim.
package.path = arg[0]:gsub("[^/]*$", "") .. "../lib/?.lua;" .. package.path

local aui = require "aui"
local products = require "products"
local screen = require "screen"
local setting = require "setting"

local question = arg[1] or "I am looking for a built-in microwave with at least 20 liters capacity"

local function main()
  local session = assert(aui.connect {
    url = setting "AUI_URL",
    task_id = setting "AUI_TASK_ID",
    thread_id = setting "AUI_THREAD_ID",
    user_id = "bot",
  })

  screen.say("You", question)
  local reply = session:send(question)
  local answer = screen.paragraph "Agent"
  for chunk, keep in reply do
    answer:add(chunk, keep)
  end

  local message = assert(reply:message())
  screen.block(products.table(message, screen.width()))
  screen.block("You could ask", message.followup_suggestions)
  session:close()
end

local ok, err = pcall(main)
if screen.is_interrupt(err) then
  io.write "\n"
  os.exit(130)
elseif not ok then
  screen.complain(err)
  os.exit(1)
end
