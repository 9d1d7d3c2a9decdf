-- Sessions in a libuv loop that Lua drives: luv's, and Neovim's. A coroutine that waits yields, and is resumed from the
-- loop; on the main coroutine, where luv calls its callbacks, nothing can wait.
--
-- Neovim lets callbacks of its loop use next to nothing of the editor, but what they schedule may use all of it. So
-- there they only move bytes, and coroutines and handlers go on in what is scheduled. That may have to wait for as long
-- as a prompt is open, and connections live on meanwhile.

local check = require "aui.option.check"
local scheduler = require "aui.host.native.scheduler"

local luv = {}

local vim = rawget(_G, "vim")
local schedule = vim and vim.schedule

local PULSE = 0.02 -- seconds between two looks at what is due while a step is scheduled, which is due itself

local function milliseconds(seconds) return math.ceil(seconds * 1000) end

local function step_now() scheduler.step() end

local is_scheduled, pumped_at = false, 0

local function step_scheduled()
  is_scheduled = false
  scheduler.step()
end

local function step_later()
  scheduler.pump()
  pumped_at = scheduler.now()
  if not is_scheduled then schedule(step_scheduled) end
  is_scheduled = true
end

local step = schedule and step_later or step_now

-- Makes what drives our loop: a poll handle for its descriptor, and a timer, which is set just before the host's loop
-- waits, when all that happened is known; one that goes off sooner than it must is left as it is. Returns what keeps
-- the host's loop alive as long as we have something to do, and whether the host has left the handles open: programs
-- that clean up close all handles that there are.
local function drive(uv)
  local poll, timer, prepare = uv.new_poll(scheduler.fd()), uv.new_timer(), uv.new_prepare()
  local is_active, goes_off = true, math.huge -- as the poll handle says; and when, by our clock, the timer does
  local function look_again()
    if scheduler.is_active() == is_active then return end
    is_active = not is_active
    if is_active then
      uv.ref(poll)
    else
      uv.unref(poll)
    end
  end
  local function on_timer()
    goes_off = math.huge
    step()
  end
  local function set_timer()
    look_again() -- what was collected as garbage has told nobody
    local timeout = scheduler.timeout()
    if timeout and is_scheduled then timeout = math.max(timeout, pumped_at + PULSE - scheduler.now()) end
    local at = timeout and scheduler.now() + timeout
    if not at or at >= goes_off then return end
    goes_off = at
    uv.timer_start(timer, milliseconds(timeout), 0, on_timer)
  end
  uv.poll_start(poll, "r", step)
  uv.prepare_start(prepare, set_timer)
  uv.unref(timer)
  uv.unref(prepare)
  local function is_open() return not (poll:is_closing() or timer:is_closing() or prepare:is_closing()) end
  return look_again, is_open
end

local function is_luv(uv)
  return type(uv) == "table" and type(uv.new_poll) == "function" and type(uv.new_prepare) == "function"
end

local adapter = {}

--- From now on this loop drives the sessions; there is no way back. Once is enough: plugins of one editor, which do not
--- know of each other, may all call it. Raises for what is not luv.
---@param uv? uv luv: Neovim's vim.uv or vim.loop, or require "luv"
function luv.attach(uv)
  if uv == nil then uv = vim and (vim.uv or vim.loop) or require "luv" end
  if not is_luv(uv) then check.fail("uv", 'expected luv, as of require "luv", got ' .. check.describe(uv)) end
  if adapter.changed then return end
  local look_again, is_open
  function adapter.changed()
    if not (is_open and is_open()) then look_again, is_open = drive(uv) end -- not earlier: a process may fork before
    look_again()
  end
  function adapter.waiter() end
  scheduler.attach(adapter)
end

return luv
