-- Counts what one update costs that arrives alone, from the turn of the loop that waits for it to the chunk in a task.
-- The server is a socket of this process: the next update is sent when the last one has been read. See
-- spec/instructions/run.

local aui = require "aui"
local frames = require "spec.instructions.frames"
local socket = require "socket"

local FIRST, LAST = 100, 500
local GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" -- RFC 6455, 1.3
local ACCEPTED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
  .. "Sec-WebSocket-Accept: %s\r\n\r\n"

local function accept_value(key)
  local words = "printf %%s '%s' | openssl dgst -sha1 -binary | openssl base64"
  local pipe = assert(io.popen(words:format(key .. GUID)))
  local value = pipe:read "*l"
  pipe:close()
  return value
end

-- Until there is something to read: what comes is of this process, which must not stand still.
local function await(peer)
  while #socket.select({ peer }, nil, 0) == 0 do aui.sleep(0.001) end
end

-- The server's end of the session's connection, on which the message lies.
local function accept(listener)
  await(listener)
  local peer = assert(listener:accept())
  peer:setoption("tcp-nodelay", true)
  await(peer)
  local key, line
  repeat
    line = assert(peer:receive "*l")
    key = key or line:match "^Sec%-WebSocket%-Key: (%S+)"
  until line == ""
  peer:send(ACCEPTED:format(accept_value(key)))
  await(peer)
  return peer
end

aui.run(function()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local url = ("ws://127.0.0.1:%d/"):format(select(2, listener:getsockname()))
  local session = assert(aui.session { url = url, task_id = "task", reconnect = false, recover = false })
  local reply = session:send "hello"
  local peer = accept(listener)
  for index = 1, LAST do
    if index == FIRST then os.clock() end
    peer:send(frames[index])
    assert(#reply:next() == 5)
  end
  os.clock()
  print(LAST - FIRST + 1)
  peer:close()
  listener:close()
  session:close()
end)
