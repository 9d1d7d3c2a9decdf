-- Plays the game in real LÖVE: runs a spec's program (the file AUI_PLAYER_PROGRAM) beside it, as a coroutine that goes
-- on once a frame. It acts by LÖVE's events and looks at what is shown; when it has ended, the player leaves.

local directory = arg[#arg]
package.path = directory .. "/?.lua;" .. package.path

local legibility = require "legibility"

local PATIENCE = 60 -- seconds

-- ---- the game ----------------------------------------------------------------------------------------

local made = {} -- what the game made, by the module that it is of

local function watch(name)
  local module = require(name)
  local new = module.new
  module.new = function(...)
    made[name] = new(...)
    return made[name]
  end
end

watch "conversation"
watch "line"
watch "scene"
dofile(directory .. "/main.lua")

-- ---- what a program can do ---------------------------------------------------------------------------

local player = setmetatable({}, { __index = _G })

--- Lets a frame pass.
player.frame = coroutine.yield

--- Lets frames pass until the condition is true.
function player.await(what, condition)
  local limit = love.timer.getTime() + PATIENCE
  while not condition() do
    assert(love.timer.getTime() < limit, "waited in vain: " .. what)
    player.frame()
  end
end

--- Presses a key, and lets the game know. What it writes comes by player.type.
function player.press(key)
  love.event.push("keypressed", key, key, false)
  player.frame()
end

--- Types characters.
function player.type(text)
  for character in text:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
    love.event.push("textinput", character)
  end
  player.frame()
end

--- Types a line, and Enter.
function player.say(text)
  player.type(text)
  player.press "return"
end

--- The button with this label, or nil.
function player.button(label)
  for _, button in ipairs(made.scene.buttons) do
    if button.label == label then return button end
  end
end

--- Clicks on the button with this label, which must be there.
function player.click(label)
  local button = assert(player.button(label), "no such button: " .. label)
  local x, y = button.x + button.width / 2, button.y + button.height / 2
  love.event.push("mousepressed", x, y, 1, false, 1)
  player.frame()
end

--- What of the answer is on the page.
function player.shown() return made.scene.bubble.reading.page:text() end

--- Whether the answer has come, and all of it is on the page.
function player.is_answered()
  return made.conversation.message ~= nil and player.shown() == made.conversation.message.text
end

--- Takes a picture of what is shown, with smooth edges: a window on the specs' screen has none.
function player.photograph(file)
  local canvas = love.graphics.newCanvas(love.graphics.getWidth(), love.graphics.getHeight(), { msaa = 4 })
  love.graphics.setCanvas(canvas)
  love.draw()
  love.graphics.setCanvas()
  local handle = assert(io.open(file, "wb"))
  handle:write(canvas:newImageData():encode("png"):getString())
  handle:close()
end

--- All that can be read now, a text a line.
function player.legible()
  local words = {}
  for index, text in ipairs(legibility.texts()) do words[index] = text.words end
  return table.concat(words, "\n")
end

--- Fails if a text that is seen now is smaller than 14 px, or its contrast lower than 4.5: what WCAG 2 asks of text.
function player.assert_legible()
  local texts = legibility.texts()
  assert(#texts > 0, "nothing is written")
  for _, text in ipairs(texts) do
    local what = ("%d px, contrast %.2f: %s"):format(text.size, text.contrast, text.words)
    assert(text.size >= 14 and text.contrast >= 4.5, what)
  end
end

--- Tells the spec.
function player.tell(...)
  print(...)
  io.stdout:flush()
end

function player.equal(expected, got)
  if expected ~= got then error(("expected %s, got %s"):format(tostring(expected), tostring(got)), 2) end
end

-- ---- what frames take ---------------------------------------------------------------------------------

local aui = require "aui"

local update, draw, step = love.update, love.draw, aui.step
local times -- lists of seconds, by what took them; nil: nobody asked

local function duration(fn, ...)
  local begin = love.timer.getTime()
  fn(...)
  return love.timer.getTime() - begin
end

local function note(what, seconds)
  if times then table.insert(times[what], seconds) end
end

function aui.step(...) note("aui.step", duration(step, ...)) end

function love.draw() note("draw", duration(draw)) end

--- The times of all frames from now on: lists of seconds, of `draw`, `update` and what of it is `["aui.step"]`.
function player.measure()
  times = { draw = {}, update = {}, ["aui.step"] = {} }
  return times
end

-- ---- frames ------------------------------------------------------------------------------------------

local function start()
  player.made = made
  local chunk = assert(loadfile(os.getenv "AUI_PLAYER_PROGRAM"))
  setfenv(chunk, player)
  return coroutine.create(chunk)
end

local function go_on(program)
  local ok, failure = coroutine.resume(program)
  if ok then return end
  io.stderr:write(debug.traceback(program, failure), "\n")
  os.exit(1)
end

local program

function love.update(dt)
  note("update", duration(update, dt))
  program = program or start()
  if coroutine.status(program) ~= "dead" then return go_on(program) end
  if not made.conversation.leaving then love.event.push("keypressed", "escape", "escape", false) end
end

-- LÖVE's own shows the error on the screen, and waits.
function love.errorhandler(message)
  io.stderr:write(debug.traceback(message, 2), "\n")
  os.exit(1)
end
