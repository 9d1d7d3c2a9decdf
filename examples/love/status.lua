-- The state of the connection, small in a corner.

local style = require "style"

local status = {}

local COLOURS = { connecting = "fair", open = "good", waiting = "bad", closed = "faint" }

-- A thread's connection may end between two messages, in which there is no harm.
local function state_of(conversation)
  local is_idle = conversation.state == "waiting" and not conversation.trouble
  return is_idle and "open" or conversation.state
end

local function words(conversation)
  if state_of(conversation) == "open" then return "connected" end
  if conversation.state == "connecting" then return "connecting..." end
  if conversation.state == "closed" then return "closed" end
  if not conversation.retry_in then return "no connection" end
  return ("no connection, trying again in %d s"):format(math.ceil(conversation.retry_in))
end

function status.draw(conversation)
  local text = words(conversation)
  style.box("night", 14, 12, style.fonts.small:getWidth(text) + 34, 24, 12, 0.75)
  style.use(COLOURS[state_of(conversation)])
  love.graphics.circle("fill", 27, 24, 5)
  style.print("small", "paper", text, 38, 15)
end

return status
