-- When patience ends: each limit is named in its error, which holds the text that had come, and the next message works.

local aui = require "aui"
local socket = require "socket"
local support = require "spec.support"
local uv = require "luv"
local wire = require "spec.wire"

local AGENT, SILENCE = { { agent = true } }, { wait = 60 }

-- A server socket whose connections are never accepted: the kernel takes `backlog` of them, and the rest find nobody.
local function deaf_listener(backlog)
  local listener = assert(socket.tcp())
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(backlog))
  return listener, select(2, listener:getsockname())
end

-- Fills the listener's backlog; returns the connections that do it.
local function fill(port)
  local clients = {}
  repeat
    local client = assert(socket.tcp())
    clients[#clients + 1] = client
    client:settimeout(0.1)
  until not client:connect("127.0.0.1", port) or #clients > 64
  assert(#clients <= 64, "the backlog does not fill")
  return clients
end

local function fail_to_connect(url, words)
  local session, err = aui.connect { url = url, timeout = { connect = 0.2 } }
  assert.is_nil(session)
  assert.equal("timeout", err.kind)
  assert.equal(words .. " within 0.2 s (timeout.connect)", err.message)
  assert.equal("no", err.delivered)
  assert.is_true(err.retryable)
end

for _, scheme in ipairs(wire.schemes) do
  describe("timeout.connect over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    it("ends the wait for a server that does not take the connection", function()
      local listener, port = deaf_listener(0)
      local clients = fill(port)
      finally(function()
        for _, client in ipairs(clients) do client:close() end
        listener:close()
      end)
      fail_to_connect(("%s://127.0.0.1:%d/"):format(scheme, port), "the server did not accept the connection")
    end)

    it("is told as it was given, whatever floats make of it: 0.07 * 1000 is more than 70", function()
      for _, seconds in ipairs { 0.07, 0.14 } do
        local server = link:play { { handshake = "ignore" } }
        local _, err = aui.connect(server:options { timeout = { connect = seconds } })
        assert.matches(("within %g s (timeout.connect)"):format(seconds), err.message, 1, true)
      end
    end)

    it("ends the wait for a server that takes the connection and stays silent", function()
      local listener, port = deaf_listener(8)
      finally(function() listener:close() end)
      local missing = scheme == "ws" and "the server did not answer the WebSocket handshake"
        or "the TLS handshake was not completed"
      local host = scheme == "ws" and "127.0.0.1" or support.tls_host
      fail_to_connect(("%s://%s:%d/"):format(scheme, host, port), missing)
    end)

    it("ends the wait for an answer to the handshake, and the next message connects anew", function()
      local server = link:play { connections = { { { handshake = "ignore" } }, AGENT } }
      local session = link:session(server, { timeout = { connect = 0.5 } })
      local message, err = session:ask "hello"
      assert.is_nil(message)
      assert.equal("timeout", err.kind)
      assert.equal("the server did not answer the WebSocket handshake within 0.5 s (timeout.connect)", err.message)
      assert.equal("no", err.delivered)
      assert.is_table(session:ask "hello")
    end)
  end)
end

for _, way in ipairs(wire.ways) do
  describe("a reply over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    -- Which is not even told its thread.
    local UNHEARD = { receive = true, recorded = false }

    -- Asks a server whose first connection plays the steps and whose second is the agent's; returns the error.
    local function ask(timeout, ...)
      local session = assert(link:connect(link:play { connections = { { UNHEARD, ... }, AGENT } }))
      local message, err = session:ask { text = "hello", timeout = timeout }
      assert.is_nil(message)
      assert.equal("timeout", err.kind)
      assert.equal("maybe", err.delivered)
      assert.is_table(session:ask "again")
      return err
    end

    it("without any sign of an answer ends after timeout.first", function()
      local err = ask({ first = 0.2 }, SILENCE)
      assert.equal("no sign of an answer within 0.2 s (timeout.first)", err.message)
      assert.equal("", err.text)
    end)

    it("that falls silent ends after timeout.idle, with the text so far", function()
      local err = ask({ first = 10, idle = 0.2 }, { update = "I found" }, SILENCE)
      assert.equal("no further sign of an answer within 0.2 s (timeout.idle)", err.message)
      assert.equal("I found", err.text)
    end)

    it("that goes on and on ends after timeout.total, with the text so far", function()
      local steps = { { update = "I found" }, { wait = 0.02 } }
      local err = ask({ first = 10, idle = 10, total = 0.4 }, { ["repeat"] = 1000, steps = steps })
      assert.equal("no complete answer within 0.4 s (timeout.total)", err.message)
      assert.equal("I found", err.text)
    end)

    if not link.by_stream then
      it("of which half a frame came ends after timeout.idle, with the text before it", function()
        local err = ask({ first = 10, idle = 0.2 }, { update = "I found" }, { raw = "817e 0100 7b22" }, SILENCE)
        assert.matches("%(timeout%.idle%)$", err.message)
        assert.equal("I found", err.text)
      end)

      it("is not kept alive by pings", function()
        local err = ask({ first = 0.3 }, { ["repeat"] = 1000, steps = { { ping = "x" }, { wait = 0.02 } } })
        assert.matches("%(timeout%.first%)$", err.message)
      end)

      -- A space in a fragment of its own, again and again, in a message that would come to its end.
      local TRICKLE = { ["repeat"] = 100, steps = { { raw = "000120" }, { wait = 0.02 } } }
      local BEGIN, END = { raw = "01017b" }, { raw = "80017d" }

      it("is not kept alive by a byte now and then", function()
        local err = ask({ first = 0.3, idle = 10 }, BEGIN, TRICKLE, END)
        assert.matches("%(timeout%.first%)$", err.message)
        err = ask({ first = 10, idle = 0.3 }, { update = "I found" }, BEGIN, TRICKLE, END)
        assert.matches("%(timeout%.idle%)$", err.message)
        assert.equal("I found", err.text)
      end)
    end

    local PAUSE = { wait = 0.3 } -- until the host is busy

    -- Sends, and returns the reply once the message has left: behind an answer a stream may have its end to read first.
    local function send_off(session, message)
      local before, limit = session:stats().bytes_sent, os.time() + 20
      local reply = session:send(message)
      while session:stats().bytes_sent == before do
        assert(os.time() <= limit, "the message does not leave")
        aui.step()
      end
      return reply
    end

    -- Lets the host be busy until the reply's next `n` bytes have come and its patience is over; then reads on.
    local function read_late(server, reply, n)
      server:await_bytes(n)
      uv.sleep(400)
      return assert(reply:message()).text
    end

    it("is not given up when it begins while the host is busy for longer than timeout.first", function()
      local server = link:play { { receive = true }, PAUSE, { message = { text = "done" } } }
      local reply = send_off(assert(link:connect(server, { timeout = { first = 0.2 } })), "hello")
      assert.equal("done", read_late(server, reply))
    end)

    it("is not given up when it goes on while the host is busy for longer than timeout.idle", function()
      local server = link:play { { receive = true }, { update = "I" }, PAUSE, { message = { text = "I do" } } }
      local reply = assert(link:connect(server, { timeout = { idle = 0.2 } })):send "hello"
      assert.equal("I", reply:next())
      assert.equal("I do", read_late(server, reply))
    end)

    it("is not given up when all of a long one lies unread at the end of timeout.total", function()
      if (os.getenv "LD_PRELOAD" or ""):find "vgpreload" then pending "the kernel gives slow readers no more room" end
      local first, second = ("a"):rep(8e6), ("b"):rep(9e4) -- the first lets the kernel give the socket more room
      local server = link:play {
        { receive = true },
        { message = { text = first } },
        { receive = true },
        PAUSE,
        { message = { text = second } },
      }
      local session = assert(link:connect(server, { max_message = 2 ^ 24 }))
      assert.equal(first, assert(session:ask "hello").text)
      local reply = send_off(session, { text = "hello", timeout = { total = 0.3 } })
      assert.equal(second, read_late(server, reply, #second))
    end)

    it("has the whole of timeout.first from when it leaves, however late the host lets it", function()
      local server = link:play { { receive = true }, { message = { text = "done" } } }
      local reply = assert(link:connect(server, { timeout = { first = 1 } })):send "hello"
      uv.sleep(1200)
      assert.equal("done", assert(reply:message()).text)
    end)

    it("is kept alive by events that say nothing about its text", function()
      local server = link:play {
        { receive = true },
        { ["repeat"] = 10, steps = { { wait = 0.1 }, { work = true } } },
        { message = { text = "done" } },
      }
      local session = assert(link:connect(server, { timeout = { first = 0.9, idle = 0.9 } }))
      assert.equal("done", assert(session:ask "hello").text)
    end)

    it("that waits behind another ends after its own timeout.total without having been sent", function()
      local session = assert(link:connect(link:play { { receive = true }, SILENCE }))
      local first = session:send "one" -- dropped, it would be cancelled
      local message, err = session:ask { text = "two", timeout = { total = 0.2 } }
      assert.is_nil(message)
      assert.equal("timeout", err.kind)
      assert.equal("no", err.delivered)
      first:cancel()
    end)

    it("has no limit where the timeout is false", function()
      local pause = { wait = 0.5 }
      local server = link:play { { receive = true }, pause, { update = "I" }, pause, { message = {} } }
      local session = assert(link:connect(server, { timeout = { first = 0.2, idle = 0.2, total = 0.2 } }))
      assert.is_table(session:ask { text = "hello", timeout = { first = false, idle = false, total = false } })
    end)
  end)
end
