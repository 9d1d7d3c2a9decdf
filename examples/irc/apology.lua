-- A failure in one line for people who chat: what is of use to them, and no addresses of servers.

local WORDS = {
  auth = "the agent does not let me in",
  application = "the agent cannot take this message",
  rate_limit = "the agent has too much to do",
  server = "the agent has a problem",
  transport = "I cannot reach the agent",
  timeout = "the agent does not answer",
  protocol = "I do not understand the agent",
  overflow = "that is too much for me",
}

--- The line for an aui.Error, or for anything else that was raised.
return function(err)
  local is_ours = type(err) == "table"
  local line = "Sorry, " .. (is_ours and WORDS[err.kind] or "something went wrong here") .. "."
  if not is_ours or not err.retryable then return line end
  if not err.retry_after then return line .. " Please try again." end
  return ("%s Please try again in %g s."):format(line, err.retry_after)
end
