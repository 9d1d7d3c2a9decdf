-- lua-http and lua-cjson: each chat is a WebSocket of its own, read by a coroutine of cqueues.

local cjson = require "cjson"
local cqueues = require "cqueues"
local meter = require "bench.contenders.meter"
local websocket = require "http.websocket"

local PATIENCE = 60 -- seconds

local function each(n, at_once, fn)
  local loop, next_index = cqueues.new(), 0
  for _ = 1, math.min(n, at_once) do
    loop:wrap(function()
      while next_index < n do
        next_index = next_index + 1
        fn(next_index)
      end
    end)
  end
  assert(loop:loop())
end

local function open()
  local chat = websocket.new_from_uri(meter.work.url)
  assert(chat:connect(PATIENCE))
  return chat
end

local function stream(chat)
  assert(chat:send('{"task_id":"bench","text":"go"}', "text"))
  local deltas, bytes, first, text = 0, 0, nil, ""
  while true do
    local message = cjson.decode((assert(chat:receive(PATIENCE))))
    if message.sender then return deltas, bytes, first, message.text end
    local delta = message.data.text:sub(#text + 1)
    text = message.data.text
    first = first or meter.now()
    deltas, bytes = deltas + 1, bytes + #delta
  end
end

meter.run { each = each, open_each = each, open = open, stream = stream, folds = false }
