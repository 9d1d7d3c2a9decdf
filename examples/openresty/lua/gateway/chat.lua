-- /api/chat: the answer to one message as Server-Sent Events (HTML standard, 9.2). By GET for EventSource, or by POST,
-- which keeps the message out of URLs, and so out of logs.

local answer = require "gateway.answer"
local cjson = require "cjson.safe"
local config = require "gateway.config"
local message = require "gateway.message"
local origin = require "gateway.origin"
local output = require "gateway.output"
local refusal = require "gateway.refusal"
local semaphore = require "ngx.semaphore"

local chat = {}

local NOT_ITS_EVENT = { kind = "bad_request", message = "Last-Event-ID: expected one of this answer's events" }

local Stream = {}
Stream.__index = Stream

-- Writes in turn, each when the browser has taken the one before: whoever reads slowly makes nobody store anything.
local function write(self, ...)
  self.turn:wait(3600)
  if self.gone or not output(...) then self.gone = true end
  self.turn:post(1)
end

function Stream:emit(event, data)
  self.count = self.count + 1
  -- JSON has line breaks between its tokens at most.
  local json = type(data) == "string" and data:gsub("[\r\n]", " ") or cjson.encode(data)
  write(self, ("event: %s\nid: %s.%d\ndata: "):format(event, self.id, self.count), json, "\n\n")
end

-- A light thread: comments, which tell the browser and everything in between that the stream is alive, and us whether
-- the browser is: not every end of a connection comes to on_abort, over HTTP/2 none.
local function beat(self, its_answer)
  while not self.finished:wait(config.heartbeat) do
    write(self, ": \n\n")
    if self.gone then return its_answer:abandon() end
  end
end

local function open_stream(id)
  ngx.header["Content-Type"] = "text/event-stream"
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["X-Accel-Buffering"] = "no"
  local stream = { id = id, count = 0, turn = semaphore.new(1), finished = semaphore.new(0) }
  setmetatable(stream, Stream)
  write(stream, "retry: 1000\n\n")
  return stream
end

-- What the browser says; nil where that is not JSON.
local function read_fields()
  if ngx.req.get_method() == "GET" then return ngx.req.get_uri_args(10) end
  ngx.req.read_body()
  return cjson.decode(ngx.req.get_body_data() or "")
end

-- Whether it has had some of the answer before: it says which event was the last. nil if that is none of this answer's.
local function has_come_back(id)
  local last = ngx.var.http_last_event_id
  if not last then return false end
  return last:match "^(.*)%.%d+$" == id or nil
end

function chat.serve()
  if not origin.is_allowed() then return refusal.page(403) end
  local question, status, problem = message.read(read_fields())
  if not question then return refusal.send(status, problem) end
  local came_back = has_come_back(question.id)
  if came_back == nil then return refusal.send(400, NOT_ITS_EVENT) end
  local stream = open_stream(question.id)
  local its_answer = answer.new(question, stream, came_back)
  ngx.on_abort(function()
    stream.gone = true
    its_answer:abandon()
  end)
  ngx.thread.spawn(beat, stream, its_answer)
  its_answer:run()
  stream.finished:post(1)
end

return chat
