-- For a host that can poll descriptors and has no adapter of its own: three calls in its loop serve all sessions.
--
--   require("aui.adapter.poll").attach()
--   while true do
--     -- polls aui.fd() for reading, for aui.timeout() seconds at most (nil: no limit), and what else is its own
--     aui.step()
--   end
--
-- A coroutine that waits for something of aui yields, and aui.step resumes it; whoever else resumes it meanwhile finds
-- that it yields again. On the main coroutine nothing can wait.

local scheduler = require "aui.host.native.scheduler"

local poll = {}

local adapter = {}

function adapter.changed() end -- the host asks for the timeout before each wait

function adapter.waiter() end

--- From now on the program's own loop drives the sessions; there is no way back.
function poll.attach() scheduler.attach(adapter) end

return poll
