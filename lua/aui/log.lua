-- Tells the function that was given to aui.log what sessions do, in structured events without keys.

local interrupt = require "aui.host.interrupt"
local nginx = require "aui.host.ngx_api"

local log = {}

local LEVELS = { error = 1, warn = 2, info = 3, debug = 4 }

local listener
local loudest = 0 -- the level up to which it listens; 0: there is none

---@class aui.Event
---@field level "error"|"warn"|"info"|"debug"
---@field event string what it is about: "state", "send", "answer", "failure", "recovery", "raised" or "advice"
---@field session? integer tells sessions apart; not of "raised" and "advice"
---@field url? string the session's, without the key; not of "raised" and "advice"
---@field message string all of it in one line; of "raised", with a traceback where there is one
---@field state? string of "state"
---@field delay? number of "state": seconds until the next attempt to connect
---@field err? aui.Error of "state" and "failure"; of "raised" what a function of the user's raised, whatever it is
---@field task_id? string of "send", "answer", "failure" and "recovery", in the tasks API
---@field thread_id? string likewise in the threads API; empty while it is not known
---@field bytes? integer of "send": the message's JSON; of "answer": its text
---@field seconds? number of "answer" and "failure": since send
---@field verdict? string of "recovery": what the history says, see docs/recovery.md

--- Whether it is a level's name.
function log.is_level(name) return LEVELS[name] ~= nil end

--- From now on `fn(event)` is called for events of this level and graver ones; nil stops that.
function log.listen(fn, level)
  listener = fn
  loudest = fn and LEVELS[level] or 0
end

--- Whether events of this level are listened to: for callers whose events cost something to make up.
function log.wants(level) return LEVELS[level] <= loudest end

--- As tostring, for what a function of the user's has raised: its own __tostring may fail.
function log.words_of(failure)
  local ok, words = interrupt.pcall(tostring, failure)
  return ok and type(words) == "string" and words or ("a %s that cannot be shown"):format(type(failure))
end

--- For xpcall: an error with where it came from, if it is words.
function log.traceback(failure) return type(failure) == "string" and debug.traceback(failure, 2) or failure end

-- To where a program that does not listen can still see it.
local function complain(words)
  if nginx then
    nginx.log(nginx.ERR, words)
  else
    io.stderr:write(words, "\n")
  end
end

-- A listener that fails is not called again: what it listens to must not end by it.
local function emit(fields)
  local ok, problem = interrupt.pcall(listener, fields)
  if ok then return end
  log.listen(nil)
  complain("aui.log: its function failed and is not called any more: " .. log.words_of(problem))
end

--- `source` has the fields `id` and `url` of a session.
---@param fields aui.Event the rest of the event
function log.write(level, name, source, fields)
  if not log.wants(level) then return end
  fields.level, fields.event = level, name
  fields.session, fields.url = source.id, source.url
  fields.message = ("session %d: %s"):format(source.id, fields.message)
  emit(fields)
end

--- What a function of the user's raised where there is nobody to catch it: `who` says which, and `more` what else is to
--- be said of that. If nobody listens, it goes to where errors are printed.
---@param more? string
function log.failure(who, failure, more)
  local message = ("%s of aui failed%s: %s"):format(who, more or "", log.words_of(failure))
  if log.wants "error" then
    emit { level = "error", event = "raised", err = failure, message = message }
  else
    complain(message)
  end
end

--- What the program had better do otherwise, though all goes on. If nobody listens, it goes to where errors are
--- printed.
function log.advise(message)
  if log.wants "warn" then
    emit { level = "warn", event = "advice", message = message }
  elseif not listener then
    complain(message)
  end
end

return log
