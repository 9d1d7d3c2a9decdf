-- GET /ws/chat: a WebSocket for any number of messages, one at a time, all in JSON. The browser sends
-- { id, task_id, text }, or { event = "cancel", id }. It gets { event = "chunk", id, keep, text },
-- { event = "message", id, message } and { event = "error", id, kind, message, ... }.

local answer = require "gateway.answer"
local browser = require "gateway.browser"
local cjson = require "cjson.safe"
local config = require "gateway.config"
local limits = require "gateway.limits"
local message = require "gateway.message"
local origin = require "gateway.origin"
local refusal = require "gateway.refusal"
local semaphore = require "ngx.semaphore"
local websocket = require "gateway.library" "websocket.server"

local socket = {}

local LARGEST_MESSAGE = 32 * 1024 -- bytes, from the browser
local FRAGMENT = 32 * 1024 -- bytes, to the browser
local LARGEST_FRAME = 128 * 1024 -- bytes; whoever sends more is cut off without a word
local MOST_FRAMES = 1000 -- between two heartbeats: no browser's page sends as many, and each is work
local MOST_MESSAGES = 100 -- of a WebSocket: of each, nginx keeps some kilobytes until it ends
local TEXT, CONTINUATION = 1, 0 -- opcodes, RFC 6455, 5.2
-- Close codes, RFC 6455, 7.4.1
local GOING_AWAY, PROTOCOL_ERROR, UNSUPPORTED, POLICY_VIOLATION, TOO_BIG = 1001, 1002, 1003, 1008, 1009

local Connection = {}
Connection.__index = Connection

-- ---- Writing ----

-- Calls `fn(server)`, which writes and returns what the library does, when all that came before is written.
local function write(self, fn)
  self.turn:wait(3600)
  local ok = not self.gone and fn(self.server)
  if not ok then self.gone = true end
  self.turn:post(1)
end

-- A message that these texts make up.
local function send_text(self, ...)
  local texts = { ... }
  write(self, function(server)
    local opcode, ok = TEXT, nil
    for number, text in ipairs(texts) do
      for at = 1, #text, FRAGMENT do
        local is_last = number == #texts and at + FRAGMENT > #text
        ok = server:send_frame(is_last, opcode, text:sub(at, at + FRAGMENT - 1))
        if not ok then return ok end
        opcode = CONTINUATION
      end
    end
    return ok
  end)
end

local function close(self, code)
  write(self, function(server) return server:send_close(code, "") end)
  self.gone = true
end

-- Whether it is over once its answers are complete: the worker is to end, as by a reload, or it has lasted long enough.
local function is_used_up(self) return ngx.worker.exiting() or self.messages >= MOST_MESSAGES end

-- A light thread: the pongs tell that the browser is alive.
local function beat(self)
  while not self.finished:wait(config.heartbeat) do
    self.frames = 0
    if is_used_up(self) and not self.answer then return close(self, GOING_AWAY) end
    write(self, function(server) return server:send_ping() end)
  end
end

-- ---- Messages ----

-- What listens to one answer.
local Channel = {}

function Channel:__index(name)
  if name == "gone" then return self.connection.gone end
  return Channel[name]
end

function Channel:emit(event, data)
  local id = cjson.encode(self.id)
  if event == "message" then
    return send_text(self.connection, ('{"event":"message","id":%s,"message":'):format(id), data, "}")
  end
  data.event, data.id = event, self.id
  send_text(self.connection, cjson.encode(data))
end

--- The connection's own heartbeat does that.
function Channel:beat() end -- luacheck: ignore self

local function channel_for(self, id) return setmetatable({ connection = self, id = id }, Channel) end

local function complain(self, id, problem)
  if problem.retryable == nil then problem.retryable = false end
  problem.delivered = "no"
  channel_for(self, type(id) == "string" and id or cjson.null):emit("error", problem)
end

local function hold(self, its_answer)
  its_answer:run()
  self.answer, self.id = nil, nil
end

-- The message that the fields make up; or nil and an error.
local function read_message(fields)
  local ok, question, _, mistake = pcall(message.read, fields)
  if ok then return question, mistake end
  ngx.log(ngx.ERR, tostring(question))
  return nil, refusal.internal "no"
end

local function take_message(self, fields)
  local id = fields.id
  if self.answer then
    return complain(self, id, { kind = "rate_limit", message = "Another answer is under way.", retryable = true })
  end
  if is_used_up(self) then
    complain(self, id, { kind = "transport", message = "This connection ends; please open another.", retryable = true })
    return close(self, GOING_AWAY)
  end
  local question, problem = read_message(fields)
  if not question then return complain(self, id, problem) end
  self.answer, self.id = answer.new(question, channel_for(self, id), false), id
  self.messages = self.messages + 1
  ngx.thread.spawn(hold, self, self.answer)
end

local function cancel(self, id)
  if self.id == id then self.answer:cancel() end
end

-- Whatever comes of it is a call, but for a cancel, which only makes less work.
local function take_text(self, text)
  local fields = cjson.decode(text)
  local id = type(fields) == "table" and type(fields.id) == "string" and fields.id
  if id and fields.event == "cancel" then return cancel(self, id) end
  local status, problem = limits.take()
  if status then return complain(self, id, problem) end
  if id then return take_message(self, fields) end
  complain(self, nil, { kind = "bad_request", message = "expected a JSON object with an id" })
end

-- ---- Frames ----

-- What to do with each kind of frame; `unfinished`: more of the message is to come.
local frames = {}

function frames.continuation(self, data, unfinished)
  if not self.parts then return close(self, PROTOCOL_ERROR) end
  self.size = self.size + #data
  if self.size > LARGEST_MESSAGE then return close(self, TOO_BIG) end
  if data ~= "" then self.parts[#self.parts + 1] = data end
  if unfinished then return end
  local text = table.concat(self.parts)
  self.parts = nil
  take_text(self, text)
end

function frames.text(self, data, unfinished)
  if self.parts then return close(self, PROTOCOL_ERROR) end
  self.parts, self.size = {}, 0
  frames.continuation(self, data, unfinished)
end

function frames.ping(self, data)
  write(self, function(server) return server:send_pong(data) end)
end

function frames.pong() end

function frames.binary(self) close(self, UNSUPPORTED) end

function frames.close(self) close(self, 1000) end

local function read(self)
  while not self.gone do
    local data, kind, more = self.server:recv_frame()
    if not data then return end
    self.frames = self.frames + 1
    if self.frames > MOST_FRAMES then return close(self, POLICY_VIOLATION) end
    frames[kind](self, data, more == "again")
  end
end

-- ---- The endpoint ----

local function refuse_handshake(why)
  if ngx.headers_sent then return end
  refusal.send(400, { kind = "bad_request", message = why })
end

function socket.serve()
  if not origin.is_allowed_socket() or not browser.current() then return refusal.page(403) end
  -- No frame, not even a pong, for as long: the browser is gone.
  local options = { timeout = 3 * config.heartbeat * 1000, max_payload_len = LARGEST_FRAME }
  local server, why = websocket:new(options)
  if not server then return refuse_handshake(why) end
  local self = setmetatable({
    server = server,
    turn = semaphore.new(1), -- to write
    finished = semaphore.new(0),
    answer = nil, -- that is under way,
    id = nil, -- and its message's
    messages = 0, -- whose answers have begun
    frames = 0, -- that have come since the last heartbeat
    parts = nil, -- of a message that is not complete
    size = 0, -- their bytes
  }, Connection)
  ngx.thread.spawn(beat, self)
  read(self)
  self.gone = true
  self.finished:post(1)
  if self.answer then self.answer:abandon() end
end

return socket
