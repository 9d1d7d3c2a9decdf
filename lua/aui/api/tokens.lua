-- The tokens that keys are exchanged for: one for all clients with the same key at the same place (in nginx, of a
-- worker), renewed before it ends, by one exchange at a time. Who trusts less has one of its own: whoever gave it might
-- listen to what is said with it.

local call = require "aui.api.call"
local errors = require "aui.error"
local host = require "aui.host"

local tokens = {}

local AHEAD = 60 -- seconds before a token's end in which it is renewed
local LONGEST_EXCHANGE = 60 -- seconds
local MOST = 1000 -- tokens that are remembered when no client needs them just now

local Token = {}
Token.__index = Token

local remembered, count = {}, 0

local function new_token()
  return setmetatable({
    grant = nil, -- what the server gave, as the API reads it: value, lifetime, ...
    renew_at = 0, -- of host.now
    ends_at = 0,
    exchange_until = nil, -- as long as one is under way
    patience = 0, -- seconds that the latest might take
    exchanges = 0, -- that have ended
    failure = nil, -- of the latest
    waiters = {},
    notices = 0,
  }, Token)
end

--- The token of whoever is known by this name: clients whose place, headers and key are the same.
---@param name string
function tokens.find(name)
  if not remembered[name] then
    if count >= MOST then
      remembered, count = {}, 0 -- clients hold theirs themselves
    end
    remembered[name], count = new_token(), count + 1
  end
  return remembered[name]
end

local function is_fresh(self) return self.grant and host.now() < self.renew_at end

local function end_exchange(self, grant, failure)
  local now = host.now()
  self.exchange_until, self.failure = nil, failure
  if grant then
    self.grant, self.ends_at = grant, now + grant.lifetime
    self.renew_at = self.ends_at - math.min(AHEAD, grant.lifetime / 2)
  end
  self.exchanges = self.exchanges + 1
  host.notify(self)
end

local function exchange(self, rest, request)
  local finished, grant, err = host.pcall(function() return call.run(rest, request) end)
  if finished then return end_exchange(self, grant, err) end
  end_exchange(self, nil, errors.new { kind = "overflow", message = tostring(grant), retryable = true })
end

-- For how many seconds a client waits for an exchange.
local function patience_of(rest) return math.min(rest.timeout, LONGEST_EXCHANGE) end

-- `rest` as of aui.api.call; each exchange is one attempt, since those who wait for it try again by rules of their own.
local function begin_exchange(self, rest, request)
  local once = {}
  for name, value in pairs(rest) do once[name] = value end
  once.retries, once.timeout = 0, patience_of(rest)
  self.patience, self.exchange_until = once.timeout, host.now() + once.timeout
  local started, why = host.spawn_apart(exchange, self, once, request)
  if not started then end_exchange(self, nil, errors.new { kind = "transport", message = why, retryable = true }) end
end

-- Whether one is under way; it may have gone down with the process that forked this one.
local function is_exchanging(self) return self.exchange_until and host.now() < self.exchange_until + 1 end

-- Waits for the end of an exchange: that which is under way, or else a new one.
local function await_exchange(self, rest, request)
  local seen = self.exchanges
  if not is_exchanging(self) then begin_exchange(self, rest, request) end
  while self.exchanges == seen and is_exchanging(self) do
    host.wait(self, self.exchange_until + 1, self.notices)
  end
end

--- The token, and what the server said of it: what `request` reads, of which `value` is the token. Waits for it if it
--- must be asked for, by `rest` and `request` (see aui.api.call). On failure nil and the exchange's error.
---@return table? grant
---@return aui.Error? err
function Token:get(rest, request)
  if is_fresh(self) then return self.grant end
  await_exchange(self, rest, request)
  local was_cut_short = self.failure and self.failure.kind == "timeout" and self.patience < patience_of(rest)
  if was_cut_short then await_exchange(self, rest, request) end -- by somebody else's patience
  if self.grant and host.now() < self.ends_at then return self.grant end
  return nil, self.failure or errors.new { kind = "timeout", message = "no token was given in time", retryable = true }
end

--- The server does not accept it any more.
---@param value string
function Token:refuse(value)
  if self.grant and self.grant.value == value then self.grant = nil end
end

return tokens
