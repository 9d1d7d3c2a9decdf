-- lua-resty-websocket and lua-cjson: each chat is a client of its own, and as many light threads as talk at once.

local cjson = require "cjson"
local client = require "nginx.websocket.client" -- Debian's name for resty.websocket.client
local meter = require "bench.contenders.meter"

local LARGEST = 1024 * 1024 -- bytes in a frame
local PATIENCE = 60000 -- milliseconds

local function each(n, at_once, fn)
  local next_index = 0
  local function worker()
    while next_index < n do
      next_index = next_index + 1
      fn(next_index)
    end
    return true
  end
  local threads = {}
  for index = 1, at_once do threads[index] = ngx.thread.spawn(worker) end
  for _, thread in ipairs(threads) do assert(ngx.thread.wait(thread)) end
end

local function open()
  local chat = assert(client:new { max_payload_len = LARGEST, timeout = PATIENCE })
  assert(chat:connect(meter.work.url, { ssl_verify = true }))
  return chat
end

local function stream(chat)
  assert(chat:send_text '{"task_id":"bench","text":"go"}')
  local deltas, bytes, first, text = 0, 0, nil, ""
  while true do
    local frame = assert(chat:recv_frame())
    local message = cjson.decode(frame)
    if message.sender then return deltas, bytes, first, message.text end
    local delta = message.data.text:sub(#text + 1)
    text = message.data.text
    first = first or meter.now()
    deltas, bytes = deltas + 1, bytes + #delta
  end
end

meter.run { each = each, open_each = each, open = open, stream = stream, folds = false }
