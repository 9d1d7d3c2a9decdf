-- Tells the function that was given to aui.trace what has been done, how long it took and how it ended.

local host = require "aui.host"
local interrupt = require "aui.host.interrupt"
local log = require "aui.log"

local trace = {}

---@class aui.Span something that has ended, with ids and figures: no key, no word of the conversation
---@field name "connect"|"send"|"call" an attempt to make a session's connection; a message that was taken, from send
---to the end of its answer; a REST call, with all of its attempts
---@field start number when it began: seconds since 1970, by the clock that people set
---@field seconds number how long it took, by a clock that nobody sets
---@field ok boolean
---@field url string the session's or the client's, without the key
---@field session? integer tells sessions apart; not of "call"
---@field task_id? string in the tasks API; not of "call"
---@field thread_id? string likewise in the threads API; empty while it is not known
---@field message_id? string of a "send" that has ended in a message
---@field bytes_sent? integer of "send": the message's JSON
---@field bytes_received? integer of "send": the answer's text
---@field departed? number of "send": seconds from its start until the message left, which waits for a connection and
---for the answers before it; nil: it has not
---@field first_text? number of "send": seconds from its start until the first text of the answer came; nil: none has
---@field resends? integer of "send": how often the message was found not to have arrived, and sent again
---@field method? string of "call"
---@field path? string of "call": below the API's base, without a query
---@field kind? string unless `ok`, as in aui.Error, as the rest is
---@field status_code? integer
---@field close_code? integer
---@field retryable? boolean
---@field delivered? string

-- The words of an error may be the conversation's.
local OF_ERROR = { "kind", "status_code", "close_code", "retryable", "delivered" }

local listener

--- From now on `fn(span)` is called; nil stops that.
function trace.listen(fn) listener = fn end

--- For callers whose spans cost something to make up.
function trace.is_on() return listener ~= nil end

--- Something has ended that began at `since` of host.now, with `err` or well. A listener that fails is not called
--- again: what it listens to must not end by it.
---@param fields aui.Span the rest of it
---@param err? aui.Error
function trace.write(name, since, fields, err)
  if not listener then return end
  fields.name, fields.ok = name, err == nil
  fields.seconds = host.now() - since
  fields.start = host.date() - fields.seconds
  for _, field in ipairs(err and OF_ERROR or {}) do fields[field] = err[field] end
  local ok, problem = interrupt.pcall(listener, fields)
  if ok then return end
  listener = nil
  log.failure("the function for spans", problem, ", and is not called any more")
end

return trace
