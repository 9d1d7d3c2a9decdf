-- Failures in the words and statuses that browsers get, as JSON. What went wrong in detail, with addresses and the
-- service's own words, is for the log.

local cjson = require "cjson.safe"
local metrics = require "gateway.metrics"

local refusal = {}

local WORDS = {
  application = "The assistant cannot answer this.",
  rate_limit = "Too many requests; please wait a moment.",
  timeout = "The assistant did not answer in time.",
  canceled = "The answer was stopped.",
  overflow = "The answer or the conversation is too long.",
}
local LONGEST_DELAY = 3600 -- seconds
local OTHER_WORDS = "The assistant is not available just now."

-- What the agent asks to wait, as Retry-After can say it: whole seconds (RFC 9110, 10.2.3), of sensible number.
local function delay(seconds)
  if not seconds then return nil end
  return seconds > 0 and math.min(math.ceil(seconds), LONGEST_DELAY) or 0
end

--- What a browser is told of an error of the module `aui`.
---@param err aui.Error
function refusal.public(err)
  return {
    kind = err.kind,
    message = WORDS[err.kind] or OTHER_WORDS,
    retryable = err.retryable,
    delivered = err.delivered,
    retry_after = delay(err.retry_after),
  }
end

--- What takes the place of an error of the module when an answer was given up, and of what a browser is told.
function refusal.canceled(delivered)
  return { kind = "canceled", message = WORDS.canceled, retryable = false, delivered = delivered }
end

--- What a browser is told when our own code has failed.
function refusal.internal(delivered)
  return { kind = "server", message = OTHER_WORDS, retryable = true, delivered = delivered }
end

--- What a browser is told when it, or all browsers together, ask too much, until so many seconds have passed.
function refusal.too_many(seconds)
  return { kind = "rate_limit", message = WORDS.rate_limit, retryable = true, retry_after = seconds, delivered = "no" }
end

--- Answers the request with this status; `error`: kind, message and more fields.
function refusal.send(status, error)
  metrics.count("gateway_refusals_total", { status = status })
  if error.retryable == nil then error.retryable = status == 429 or status >= 500 end
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["Retry-After"] = error.retry_after
  ngx.print(cjson.encode { error = error })
end

local STATUSES = { timeout = 504, rate_limit = 429 }

--- Answers the request when a call to the agent has failed.
---@param err aui.Error
function refusal.send_failure(err)
  local status = err.status_code == 404 and 404 or STATUSES[err.kind] or 502
  refusal.send(status, refusal.public(err))
end

local PAGES = {
  [403] = { kind = "forbidden", message = "This is not allowed." },
  [404] = { kind = "not_found", message = "There is nothing here." },
  [405] = { kind = "not_allowed", message = "This method is not allowed here." },
  [408] = { kind = "timeout", message = "The request took too long." },
  [411] = { kind = "bad_request", message = "A message needs a Content-Length." },
  [421] = { kind = "misdirected", message = "This gateway goes by another name: GATEWAY_ORIGIN tells it by which." },
  [413] = { kind = "too_large", message = "The request is too large." },
  [414] = { kind = "too_large", message = "The message is too long." },
  [429] = refusal.too_many(5),
  [501] = { kind = "bad_request", message = "The request asks for what is not known here.", retryable = false },
  [503] = { kind = "server", message = OTHER_WORDS, retry_after = 5, delivered = "no" }, -- an answer begins with 200
}
local FALLBACK = {
  [4] = { kind = "bad_request", message = "The request cannot be understood." },
  [5] = { kind = "server", message = OTHER_WORDS },
}

--- Answers the request for a reason that has one status and no details.
function refusal.page(status)
  local fields = {}
  for name, value in pairs(PAGES[status] or FALLBACK[math.floor(status / 100)] or FALLBACK[4]) do
    fields[name] = value
  end
  refusal.send(status, fields)
end

--- For nginx's error_page: what nginx itself refused, or what failed in our code.
function refusal.error_page() refusal.page(ngx.status >= 400 and ngx.status or 404) end

return refusal
