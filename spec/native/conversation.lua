-- The program of short_memory.c: three conversations at once, with everything that a session does by itself.

local aui = require "aui"

-- Whoever loses what it waits for is woken by these, in seconds.
local PATIENCE = { connect = 0.5, first = 0.5, idle = 0.5, total = 1 }

aui.log(function(event) return event.message .. "!" end, "debug")

local function give_key()
  aui.sleep(0.001)
  return "key"
end

local function talk(number, answered)
  local session = assert(aui.session {
    url = os.getenv "AUI_URL",
    task_id = "task " .. number,
    api_key = give_key,
    timeout = PATIENCE,
    reconnect = { base = 0.01, max = 0.02, attempts = 3 },
  })
  session:on("state", function(state) return state .. "!" end)
  local reply = session:send "hello"
  local shown = ""
  reply:on("chunk", function(chunk, keep) shown = shown:sub(1, keep) .. chunk end)
  reply:on("message", function(message)
    if message.text == shown then answered() end
  end)
  reply:message()
  session:close()
end

--- Returns "complete" if all was well.
function converse() -- luacheck: ignore (for the host)
  local answers = 0
  aui.run(function()
    for number = 1, 3 do
      aui.spawn(talk, number, function() answers = answers + 1 end)
    end
  end)
  return answers == 3 and "complete" or answers .. " answers"
end

--- Lets what is left of an earlier conversation come to its end, and raise its errors.
function settle() -- luacheck: ignore (for the host)
  local patience = 20
  while not pcall(aui.run, function() end) do
    patience = patience - 1
    assert(patience > 0, "aui.run goes on raising errors")
  end
  aui.log(function(event) return event.message .. "!" end, "debug") -- that which failed is not called any more
end
