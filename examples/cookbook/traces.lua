-- traces.lua FILE QUESTION: prints the answer, and appends what was done for it to FILE, as lines of OTLP/JSON: what an
-- OpenTelemetry Collector reads by its receiver `otlpjsonfile`. All of a run is one trace.
local aui = require "aui"
local cjson = require "cjson"

local INTERNAL, CLIENT, OK, FAILED = 1, 3, 1, 2 -- of OpenTelemetry: kinds of spans, codes of a status

if #arg < 2 then
  io.stderr:write "usage: traces.lua FILE QUESTION\n"
  os.exit(2)
end
local file = assert(io.open(arg[1], "a"))

local random = assert(io.open("/dev/urandom", "rb"))
local function new_id(bytes)
  return (random:read(bytes):gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local trace_id, root_id, began, ended = new_id(16), new_id(8), nil, nil

-- Nanoseconds are strings in OTLP/JSON, and so are whole numbers.
local function nanoseconds(seconds) return ("%.0f"):format(seconds * 1e9) end

local function value_of(value)
  if type(value) == "boolean" then return { boolValue = value } end
  if type(value) == "string" then return { stringValue = value } end
  if value % 1 == 0 then return { intValue = ("%.0f"):format(value) } end
  return { doubleValue = value }
end

local function attributes_of(fields, prefix)
  local list = {}
  for name, value in pairs(fields) do
    list[#list + 1] = { key = prefix .. name, value = value_of(value) }
  end
  return list
end

local function write(span)
  local scope = { scope = { name = "lua-aui", version = aui._VERSION }, spans = { span } }
  local resource = { attributes = attributes_of({ name = "traces.lua" }, "service.") }
  file:write(cjson.encode { resourceSpans = { { resource = resource, scopeSpans = { scope } } } }, "\n")
  file:flush()
end

aui.trace(function(span)
  local over = span.start + span.seconds
  began, ended = math.min(began or span.start, span.start), math.max(ended or over, over)
  write {
    traceId = trace_id,
    spanId = new_id(8),
    parentSpanId = root_id,
    name = "aui " .. span.name,
    kind = CLIENT,
    startTimeUnixNano = nanoseconds(span.start),
    endTimeUnixNano = nanoseconds(over),
    attributes = attributes_of(span, "aui."),
    events = span.first_text and { { name = "first text", timeUnixNano = nanoseconds(span.start + span.first_text) } },
    status = { code = span.ok and OK or FAILED, message = span.kind },
  }
end)

local session = assert(aui.connect { url = (os.getenv "AUI_URL" or ""):match ".+", user_id = "traces" })
local message, err = session:ask(table.concat(arg, " ", 2))
session:close()
write {
  traceId = trace_id,
  spanId = root_id,
  name = "question",
  kind = INTERNAL,
  startTimeUnixNano = nanoseconds(began),
  endTimeUnixNano = nanoseconds(ended),
}
print(message and message.text or err)
