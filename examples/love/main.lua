-- A little shop whose keeper is an AUI agent: type a line, and she answers while you watch. `examples/love/run` starts
-- it. The key is that of AUI_NETWORK_API_KEY, or of AUI_PUBLISHABLE_KEY, by which it speaks the threads API; with
-- AUI_URL it talks to that server instead of the service, such as aui-sim. AUI_TASK_ID or AUI_THREAD_ID is the
-- conversation to go on with, in place of a new one of the user AUI_USER_ID.

local aui = require "aui"
local conversation = require "conversation"
local line = require "line"
local scene = require "scene"

local GREETING = "Good evening, and welcome back! What may I find for you?"
local FAREWELL = "Good-bye! Come back soon."

local talk, typed, shop

-- A variable of the environment; an empty one is as one that is not set.
local function setting(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

function love.load()
  love.keyboard.setKeyRepeat(true)
  local client = aui.client { url = setting "AUI_URL" }
  local id = setting(client.api == "threads" and "AUI_THREAD_ID" or "AUI_TASK_ID")
  local function hear(chunk, keep) shop:say(chunk, keep) end
  talk = conversation.new(client, setting "AUI_USER_ID" or "player", id, hear)
  typed = line.new()
  shop = scene.new(talk, typed)
  if id then shop:say(GREETING, 0) end -- else the agent has the first word
end

function love.update(dt)
  talk:update(dt)
  shop:update(dt)
  if talk:is_over() and not shop:is_speaking() then love.event.quit() end
end

function love.draw() shop:draw() end

-- While nothing is typed, a digit stands for a suggestion, and R for another try. Whether the key meant that.
local function obey(key)
  if typed.text ~= "" then return false end
  local suggestion = talk:suggestions()[tonumber(key)]
  if suggestion then
    talk:say(suggestion)
    return true
  end
  if key:lower() ~= "r" or not talk:may_retry() then return false end
  talk:retry()
  return true
end

function love.textinput(text)
  if not obey(text) then typed:type(text) end
end

local keys = {}

function keys.backspace() typed:erase() end

-- The line stays as it is while she is still answering.
keys["return"] = function()
  local words = not talk:is_busy() and typed:take()
  if words then talk:say(words) end
end

keys.kpenter = keys["return"]

function keys.pageup() shop:leaf(1) end

function keys.pagedown() shop:leaf(-1) end

function keys.escape() love.event.quit() end

function love.keypressed(key)
  if keys[key] then keys[key]() end
end

function love.mousepressed(x, y, button)
  if button == 1 then shop:click(x, y) end
end

function love.wheelmoved(_, turns)
  local x, y = love.mouse.getPosition()
  shop:scroll(x, y, turns)
end

-- The window stays until the server has been told, for a second at most, and the farewell is said, unless this is asked
-- once more.
function love.quit()
  if talk:is_over() then return false end
  if not talk.leaving then shop:say(FAREWELL, 0) end
  talk:leave()
  return true
end
