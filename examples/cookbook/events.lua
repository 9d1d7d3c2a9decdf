-- For content_by_lua_file: GET /events?text=... streams the answer as Server-Sent Events.
local aui = require "resty.aui"
local cjson = require "cjson"

local text = ngx.var.arg_text and ngx.unescape_uri(ngx.var.arg_text)
if not text or text == "" then return ngx.exit(ngx.HTTP_BAD_REQUEST) end

local function send(name, json)
  ngx.print("event: ", name, "\ndata: ", (json:gsub("[\r\n]+", " ")), "\n\n")
  ngx.flush(true) -- waits for a slow reader
end

local function fail(err) send("error", cjson.encode { kind = err.kind, message = err.message }) end

ngx.header.content_type = "text/event-stream"
local session, err = aui.connect {
  url = (os.getenv "AUI_URL" or ""):match ".+",
  user_id = "web",
}
if not session then return fail(err) end

local reply = session:send(text)
ngx.on_abort(function() reply:cancel() end) -- the browser has left
local chunk, keep = reply:next()
while chunk do
  send("chunk", cjson.encode { text = chunk, keep = keep })
  chunk, keep = reply:next()
end
local message, why = reply:message()
if message then send("message", reply:json()) else fail(why) end
session:close()
