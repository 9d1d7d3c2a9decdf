-- The keys that the user presses at a terminal. They show nothing by themselves: what is typed while the agent answers
-- must not appear in the midst of that, and waits for the next prompt. Ctrl-C is one of them, and ends nothing itself.

local keyboard = {}

local SEQUENCE = "^\27[%[O][%d;]*[%a~]" -- of a key such as an arrow
local BEGINNING = "^\27[%[O]?[%d;]*$" -- of such a sequence
local QUIET = "stty -icanon -echo intr undef quit undef time 0 min "

-- The words that a command says, or nil.
local function output_of(command)
  local pipe = io.popen(command)
  local words = pipe:read "*l"
  pipe:close()
  return words
end

local modes = output_of "test -t 0 && stty -g" -- the terminal's, as they were; nil: the input is none
local pressed = "" -- keys that nobody has asked for yet

--- Whether there are keys at all: the input may be a file or a pipe.
keyboard.is_there = modes ~= nil

-- Lets io.read wait for `count` keys: 0 or 1.
local function wait_for(count)
  if modes then os.execute(QUIET .. count) end
end

--- From now on the keys are those of this module.
function keyboard.take() wait_for(0) end

--- Leaves them to the terminal, as it was.
function keyboard.release()
  if modes then os.execute("stty " .. modes) end
end

--- Whether Ctrl-C was pressed, with which all that was typed before it is gone. Does not wait.
function keyboard.is_stopped()
  if not modes then return false end
  pressed = pressed .. (io.read "*a" or "")
  local rest = pressed:match "^.*\3(.*)$"
  pressed = rest or pressed
  return rest ~= nil
end

-- Takes a key from those that were pressed: a byte or a whole sequence; nil if there is none yet.
local function shift()
  if pressed == "" or pressed:find(BEGINNING) then return nil end
  local key = pressed:match(SEQUENCE) or pressed:sub(1, 1)
  pressed = pressed:sub(#key + 1)
  return key
end

--- Calls `handle(key)` for each key, a byte or the sequence of an arrow and its like, until that returns true. Returns
--- whether it did: false if the terminal is gone.
function keyboard.each(handle)
  wait_for(1)
  local is_last, is_there = false, true
  while is_there and not is_last do
    local key = shift()
    if key then
      is_last = handle(key)
    else
      local byte = io.read(1)
      pressed, is_there = pressed .. (byte or ""), byte ~= nil
    end
  end
  wait_for(0)
  return is_last
end

return keyboard
