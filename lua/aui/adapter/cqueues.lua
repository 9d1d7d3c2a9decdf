-- Sessions in a controller of cqueues: a coroutine of its own polls for them there, as long as there are any. The
-- coroutines of any controller wait as cqueues has them wait; another one that waits yields to whoever resumed it, and
-- is resumed from this controller. A task waits for what is of cqueues in the controller, too.

local check = require "aui.option.check"
local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local scheduler = require "aui.host.native.scheduler"

local adapter = {}

-- Seconds. A session that is collected as garbage tells nobody, since finalizers had better not enter cqueues: so long
-- it may keep its connection, and the controller its loop.
local LONGEST_POLL = 1

--- From now on this controller drives the sessions, until it is closed. After a fork, cqueues wants cq:reset() first.
--- Raises for what is no controller.
---@param cq cqueues of cqueues.new
function adapter.attach(cq)
  if cqueues.type(cq) ~= "controller" then
    check.fail("cq", "expected a controller, as of cqueues.new(), got " .. check.describe(cq))
  end
  local change, pumping = condition.new(), false
  local its_adapter = {}

  local function pump()
    local socket = { pollfd = scheduler.fd(), events = "r" }
    while scheduler.is_active() do
      cqueues.poll(socket, change, math.min(scheduler.timeout() or LONGEST_POLL, LONGEST_POLL))
      scheduler.step()
    end
    pumping = false
    cq:cancel(socket.pollfd) -- else it stays in the controller's epoll set
  end

  function its_adapter.changed()
    if cqueues.type(cq) ~= "controller" then return scheduler.detach(its_adapter) end
    if pumping then return change:signal() end
    pumping = true
    cq:wrap(pump)
  end

  function its_adapter.waiter()
    local _, can_poll = cqueues.running()
    if not can_poll then return nil end
    local woken = condition.new()
    return function() woken:wait() end, function() woken:signal() end
  end

  -- What cqueues has its coroutines yield, to whoever runs them.
  function its_adapter.await(_, resume, what, ...)
    if what ~= cqueues._POLL then return false end
    cq:wrap(function(...) resume(cqueues.poll(...)) end, ...)
    return true
  end

  scheduler.attach(its_adapter)
end

return adapter
