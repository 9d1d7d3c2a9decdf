-- Counters and histograms for Prometheus (text format 0.0.4), summed over the workers of this machine.

local metrics = {}

local dictionary = ngx.shared.gateway_metrics
local BUCKETS = { 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 } -- seconds

local FAMILIES = {
  { "aui_connections_total", "counter", "Attempts to connect to the agent, by outcome: ok, or the kind of the error." },
  { "aui_replies_total", "counter", "Messages whose answer has ended, likewise." },
  { "aui_calls_total", "counter", "REST calls, likewise." },
  { "aui_chunks_total", "counter", "Pieces of answers passed on." },
  { "aui_first_text_seconds", "histogram", "From a message to the first text of its answer." },
  { "aui_message_seconds", "histogram", "From a message to the end of its answer, of those that have one." },
  { "gateway_resumes_total", "counter", "Answers that a browser came back for." },
  { "gateway_refusals_total", "counter", "Requests refused, by status." },
}

-- Label values come from the gateway's code and need no escaping; the agent's error kinds do neither.
local function series(name, labels)
  local parts = {}
  for label, value in pairs(labels or {}) do
    parts[#parts + 1] = ('%s="%s"'):format(label, value)
  end
  return #parts > 0 and ("%s{%s}"):format(name, table.concat(parts, ",")) or name
end

--- Adds a number to a counter.
function metrics.add(name, number) dictionary:incr(name, number, 0) end

--- Adds 1 to a counter with at most one label.
function metrics.count(name, labels) metrics.add(series(name, labels), 1) end

-- Adds a duration to a histogram.
local function observe(name, seconds)
  for _, limit in ipairs(BUCKETS) do
    if seconds <= limit then metrics.count(name .. "_bucket", { le = limit }) end
  end
  metrics.count(name .. "_bucket", { le = "+Inf" })
  metrics.count(name .. "_count")
  metrics.add(name .. "_sum", seconds)
end

local FAMILY_OF = { connect = "aui_connections_total", send = "aui_replies_total", call = "aui_calls_total" }

--- For aui.trace.
function metrics.count_span(span)
  metrics.count(FAMILY_OF[span.name], { outcome = span.kind or "ok" })
  if span.first_text then observe("aui_first_text_seconds", span.first_text) end
  if span.name == "send" and span.ok then observe("aui_message_seconds", span.seconds) end
end

local function histogram_lines(name)
  local lines = {}
  local function add(key) lines[#lines + 1] = ("%s %.14g"):format(key, dictionary:get(key) or 0) end
  for _, limit in ipairs(BUCKETS) do
    add(series(name .. "_bucket", { le = limit }))
  end
  add(series(name .. "_bucket", { le = "+Inf" }))
  add(name .. "_sum")
  add(name .. "_count")
  return lines
end

local function counter_lines(name, keys)
  local lines = {}
  for _, key in ipairs(keys) do
    if key == name or key:sub(1, #name + 1) == name .. "{" then
      lines[#lines + 1] = ("%s %.14g"):format(key, dictionary:get(key) or 0)
    end
  end
  return lines
end

--- Answers the request with all of them.
function metrics.serve()
  ngx.header["Content-Type"] = "text/plain; version=0.0.4"
  local keys = dictionary:get_keys(0)
  table.sort(keys)
  for _, family in ipairs(FAMILIES) do
    local name, kind, help = family[1], family[2], family[3]
    ngx.print("# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n")
    for _, line in ipairs(kind == "histogram" and histogram_lines(name) or counter_lines(name, keys)) do
      ngx.print(line, "\n")
    end
  end
end

return metrics
