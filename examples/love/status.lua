-- The state of the connection, small in a corner.

local style = require "style"

local status = {}

local COLOURS = { connecting = "fair", open = "good", waiting = "bad", closed = "faint" }

local function words(conversation)
  if conversation.state == "open" then return "connected" end
  if conversation.state == "connecting" then return "connecting..." end
  if conversation.state == "closed" then return "closed" end
  if not conversation.retry_in then return "no connection" end
  return ("no connection, trying again in %d s"):format(math.ceil(conversation.retry_in))
end

function status.draw(conversation)
  local text = words(conversation)
  style.box("night", 14, 12, style.fonts.small:getWidth(text) + 34, 22, 11, 0.6)
  style.use(COLOURS[conversation.state])
  love.graphics.circle("fill", 27, 23, 5)
  style.print("small", "paper", text, 38, 16, 0.9)
end

return status
