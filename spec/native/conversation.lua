-- The program of short_memory.c: three conversations at once, with everything that a session does by itself.

local aui = require "aui"

-- In seconds. By the first, whoever loses what it waits for is woken; by the second, nobody is who need not be.
local BRIEF = { connect = 0.5, first = 0.5, idle = 0.5, total = 1 }
local PATIENT = { connect = 20, first = 20, idle = 20, total = 20 }

aui.log(function(event) return event.message .. "!" end, "debug")

local function give_key()
  aui.sleep(0.001)
  return "key"
end

local function talk(number, timeout, answered)
  local session = assert(aui.session {
    url = os.getenv "AUI_URL",
    task_id = "task " .. number,
    api_key = give_key,
    timeout = timeout,
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

local function converse_within(timeout)
  local answers = 0
  aui.run(function()
    for number = 1, 3 do
      aui.spawn(talk, number, timeout, function() answers = answers + 1 end)
    end
  end)
  return answers == 3 and "complete" or answers .. " answers"
end

--- For the host: these return "complete" if all was well; the first is the one in which memory runs short.
function converse() return converse_within(BRIEF) end -- luacheck: ignore
function converse_again() return converse_within(PATIENT) end -- luacheck: ignore

--- Lets what is left of an earlier conversation come to its end, and raise its errors.
function settle() -- luacheck: ignore (for the host)
  local patience = 20
  while not pcall(aui.run, function() end) do
    patience = patience - 1
    assert(patience > 0, "aui.run goes on raising errors")
  end
  aui.log(function(event) return event.message .. "!" end, "debug") -- that which failed is not called any more
end
