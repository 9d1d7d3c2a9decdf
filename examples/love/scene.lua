-- What is on the screen, from back to front, and what the mouse does there.

local bubble = require "bubble"
local buttons = require "buttons"
local cards = require "cards"
local field = require "field"
local room = require "room"
local shopkeeper = require "shopkeeper"
local status = require "status"
local style = require "style"
local typewriter = require "typewriter"

local Scene = {}
Scene.__index = Scene

local scene = {}

--- The scene of a conversation, and of the line that the player types.
function scene.new(conversation, line)
  local speech = bubble.new(conversation)
  local back, front = room.paint()
  return setmetatable({
    conversation = conversation,
    line = line,
    back = back,
    front = front,
    bubble = speech,
    writer = typewriter.new(speech.reading.page),
    cards = cards.new(),
    buttons = {}, -- those that can be pressed just now
  }, Scene)
end

--- What the shopkeeper says goes on: keep the first `keep` bytes, then append `chunk`.
function Scene:say(chunk, keep)
  if keep == 0 then self.bubble.reading:rewind() end
  self.writer:write(chunk, keep)
end

--- Whether the shopkeeper is still saying something.
function Scene:is_speaking() return self.writer:is_typing() end

-- A list of the buttons that there are now.
local function current_buttons(self)
  local its, list = self.conversation, {}
  if its:may_retry() and self.bubble:failure() then
    local x, y = self.bubble.button_place()
    return { buttons.new(x, y, "R", "Try again", 200, function() its:retry() end) }
  end
  for index, suggestion in ipairs(its.leaving and {} or its:suggestions()) do
    list[index] = buttons.new(0, 0, tostring(index), suggestion, 420, function() its:say(suggestion) end)
  end
  return buttons.arrange(list, 24, 480, 912, 2)
end

local function mood(self)
  local its = self.conversation
  if its.leaving then return "leaving" end
  if self:is_speaking() then return "talking" end
  if its.err then return "sorry" end
  return its:is_waiting() and "thinking" or "listening"
end

--- Once a frame.
function Scene:update(dt)
  self.writer:update(dt)
  self.bubble:update(dt)
  self.cards:update(dt, self.bubble.reading:message())
  self.buttons = current_buttons(self)
  shopkeeper.update(dt, mood(self))
end

function Scene:draw()
  style.show(self.back)
  shopkeeper.draw()
  self.bubble:draw()
  self.cards:draw()
  style.show(self.front)
  shopkeeper.draw_arms()
  local touched = buttons.at(self.buttons, love.mouse.getPosition())
  for _, button in ipairs(self.buttons) do
    buttons.draw(button, button == touched)
  end
  field.draw(self.line, self.conversation)
  status.draw(self.conversation)
end

--- Presses the button at this place, if there is one.
function Scene:click(x, y)
  local button = buttons.at(self.buttons, x, y)
  if button then button.press() end
end

--- Scrolls the bubble by as much as it shows: up where positive.
function Scene:leaf(times) self.bubble:leaf(times) end

--- Scrolls what is at this place by the turns of a wheel.
function Scene:scroll(x, y, turns)
  local target = self.cards:covers(x, y) and self.cards or self.bubble
  target:scroll(turns)
end

return scene
