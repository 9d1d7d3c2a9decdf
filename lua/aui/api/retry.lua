-- Makes an attempt that has failed again, where that is of use and cannot make the server act twice: the one rule for
-- REST calls and for session:ask.

local host = require "aui.host"

local retry = {}

local LONGEST_ASKED = 300 -- seconds for which a server is obeyed, as by the engine

--- For how many seconds a server is left alone that has answered with this error.
---@return number
function retry.asked(err) return math.min(err.retry_after or 0, LONGEST_ASKED) end

---@class (exact) aui.RetryPolicy
---@field times integer how often an attempt may be made again
---@field backoff { base: number, max: number } seconds, as of the option reconnect
---@field deadline number of host.now, until which the pauses must be over
---@field is_safe boolean whether the server cannot act twice, whatever has arrived

-- How long to wait after so many failures; nil to leave it at the last.
local function pause_after(policy, err, failures)
  local is_safe = policy.is_safe or err.delivered == "no"
  if failures > policy.times or not err.retryable or not is_safe then return nil end
  local pause = host.backoff(failures, policy.backoff.base, policy.backoff.max, retry.asked(err))
  if host.now() + pause >= policy.deadline then return nil end
  return pause
end

--- Calls `attempt(failures)`, with the number of failures before it, until it returns a result or may not be called
--- again; waits between the calls. Returns the result, or nil and the error of the last attempt.
---@param policy aui.RetryPolicy
---@param attempt fun(failures: integer): any, aui.Error?
---@return any result
---@return aui.Error? err
function retry.run(policy, attempt)
  local failures = 0
  while true do
    local result, err = attempt(failures)
    if result then return result end
    failures = failures + 1
    local pause = pause_after(policy, err, failures)
    if not pause then return nil, err end
    host.wait(nil, host.now() + pause)
  end
end

return retry
