-- /api/chat: the answer to one message as Server-Sent Events (HTML standard, 9.2). By GET for EventSource, or by POST,
-- which keeps the message out of URLs, and so out of logs.

local answer = require "gateway.answer"
local cjson = require "cjson.safe"
local message = require "gateway.message"
local origin = require "gateway.origin"
local output = require "gateway.output"
local refusal = require "gateway.refusal"

local chat = {}

local NOT_ITS_EVENT = { kind = "bad_request", message = "Last-Event-ID: expected one of this answer's events" }

local Stream = {}
Stream.__index = Stream

-- Returns when the browser has taken it: whoever reads slowly makes nobody store anything.
local function write(self, ...)
  if self.gone or not output(...) then self.gone = true end
end

function Stream:emit(event, data)
  self.count = self.count + 1
  local head = ("event: %s\nid: %s.%d\ndata: "):format(event, self.id, self.count)
  if type(data) == "table" then return write(self, head .. cjson.encode(data) .. "\n\n") end
  local json = data:gsub("[\r\n]", " ") -- which there are between its tokens at most
  write(self, head, json, "\n\n")
end

--- A comment, which tells the browser and everything in between that the stream is alive, and us whether the browser
--- is: not every end of a connection comes to on_abort, over HTTP/2 none.
function Stream:beat() write(self, ": \n\n") end

local function open_stream(id)
  ngx.header["Content-Type"] = "text/event-stream"
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["X-Accel-Buffering"] = "no"
  local stream = setmetatable({ id = id, count = 0, gone = false }, Stream)
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
  its_answer:run()
end

return chat
