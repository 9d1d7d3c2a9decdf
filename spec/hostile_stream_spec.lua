-- Servers of the threads API that break the rules, or mean harm: whatever they say, a message ends in its answer or in
-- an error, nothing is asked for ever, no secret is told, and the next message is answered.

local aui = require "aui"
local cjson = require "cjson"
local support = require "spec.support"

local HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
local CHUNKED, TO_THE_END = HEAD .. "Transfer-Encoding: chunked\r\n\r\n", HEAD .. "\r\n"
local FIN, RESET = { ["end"] = "fin" }, { ["end"] = "reset" }

local function chunk(bytes) return ("%x\r\n%s\r\n"):format(#bytes, bytes) end

local function event(value)
  return chunk("data: " .. (type(value) == "string" and value or cjson.encode(value)) .. "\n\n")
end

local function thread(id) return event { type = "thread", data = { thread_id = id } } end

local function delta(seq, text) return event { type = "event", seq = seq, data = { text = text } } end

local function final(seq, text, id)
  return event { type = "message", seq = seq, data = { id = id or "m", text = text } }
end

local function suggestions(seq, list)
  return event { type = "suggestions", seq = seq, data = { thread_id = "T", followup_suggestions = list } }
end

local THREAD, DONE, LAST = thread "T", event "[DONE]", "0\r\n\r\n"

-- An answer in which all of this comes at once.
local function whole(...) return { CHUNKED .. table.concat { THREAD, ... } .. DONE .. LAST } end

local function plain(head, body)
  return { ("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s"):format(head, #body, body) }
end

local function token(fields) return { plain("200 OK", cjson.encode(fields)) } end

local CUT = { CHUNKED .. THREAD .. delta(5, "one"), RESET } -- an answer, that is to be resumed
local SECOND = whole(final(90, "second", "second"))
local QUICK = { base = 0.001, max = 0.01 }
local keys = 0

describe("a server of the threads API that", function()
  local server, session

  after_each(function()
    if session then session:close() end
    if server then server:stop() end
    session, server = nil, nil
  end)

  local function connect(acts, timeout)
    server = support.stage(acts)
    keys = keys + 1
    local err
    session, err = aui.connect {
      publishable_key = ("pk_network_hunter2-h%d-%d"):format(keys, os.time()),
      url = server:base(),
      user_id = "ada",
      reconnect = QUICK,
      timeout = timeout or { connect = 20, first = 20, idle = 20, total = 60, call = 20 },
    }
    return err
  end

  local function assert_next_is_answered() assert.equal("second", assert(session:ask "second").text) end

  -- Name, text and followup_suggestions of the answer; the acts before that of the next message.
  local ANSWERED = {
    {
      "names no type", "fine", {},
      { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" .. final(1, "fine") .. LAST },
    },
    {
      "numbers its events in any order", "a d", {},
      whole(delta(5, "a"), delta(3, "b"), delta(6, " d"), final(7, "a d")),
    },
    { "numbers its events below zero", "ab", {}, whole(delta(-5, "a"), delta(-3, "b"), final(-7, "ab")) },
    {
      "numbers its events with words", "a", {},
      whole(event '{"type":"event","seq":"\\r\\nX: y","data":{"text":"a"}}', final(2, "a")),
    },
    { "sends two messages", "a", {}, whole(delta(1, "a"), final(2, "a"), final(3, "of another", "n")) },
    { "sends text behind the message", "a", {}, whole(delta(1, "a"), final(2, "a"), delta(3, "b")) },
    {
      "sends suggestions again and again", "a", { "z" },
      whole(final(1, "a"), suggestions(2, { "long", "list" }), suggestions(3, {}), suggestions(4, { "z" })),
    },
    {
      "sends suggestions late", "a", { "z" },
      { CHUNKED .. THREAD .. final(1, "a"), 0.1, suggestions(2, { "z" }) .. LAST },
    },
    { "goes on behind [DONE]", "a", {}, whole(final(1, "a"), DONE, delta(2, "x"), final(3, "x", "x")) },
    { "does not end its body", "a", {}, { CHUNKED .. THREAD .. final(1, "a") .. DONE } },
    { "has an error behind the message", "a", {}, whole(final(1, "a"), event { type = "error", seq = 2, data = {} }) },
    { "says things that are no objects", "a", {}, whole(event "[1]", event "5", event "null", final(1, "a")) },
    { "has line breaks in a thread's id", "a", {}, whole(thread "U\r\nX: y", final(1, "a")) },
    {
      "extends its chunks", "a", {},
      { CHUNKED .. '5;a=b;c="\\"d"\r\ndata:\r\n' .. chunk "{}\n\n" .. THREAD .. final(1, "a") .. LAST },
    },
    {
      "answers more than it was asked", "a", {},
      { CHUNKED .. final(1, "a") .. LAST .. CHUNKED .. final(2, "b", "b") .. LAST },
    },
    {
      "ends its lines with carriage returns, at any time", "a", {},
      { TO_THE_END .. 'data: {"type":"message",\r', 0.01,
        'data:"seq":1,"data":{"id":"m","text":"a"}}\r', 0.01, "\r", FIN },
    },
    {
      "asks for pauses, and has ids of its own", "one two", {},
      { CHUNKED .. THREAD .. chunk "retry: 99999999999999999999\nid: 9\n\n" .. delta(5, "one"), RESET },
      whole(delta(6, " two"), final(7, "one two")),
    },
  } -- stylua: ignore
  for _, case in ipairs(ANSWERED) do
    it(case[1], function()
      assert.is_nil(connect { stream = { case[4], case[5] or SECOND, SECOND } })
      local reply = session:send "one"
      local shown = support.read(reply)
      local message = assert(reply:message())
      assert.equal(case[2], message.text)
      assert.equal(case[2], shown)
      assert.equal(case[2], reply:text())
      assert.same(case[3], message.followup_suggestions)
      assert_next_is_answered()
    end)
  end

  it("promises to keep the connection, and ends it", function()
    assert.is_nil(connect { stream = { { CHUNKED .. final(1, "a") .. LAST, FIN }, SECOND } })
    assert.equal("a", assert(session:ask "one").text)
    support.wait_until(function() return session:state() ~= "open" end) -- else the message may cross the end
    assert_next_is_answered()
  end)

  -- Name, kind and words of the error, and delivered; the act.
  local REFUSED = {
    {
      "answers with a page", "protocol", "no event stream", "maybe",
      plain("200 OK\r\nContent-Type: text/html", "<p>"),
    },
    {
      "answers with JSON", "protocol", "no event stream", "maybe",
      plain("200 OK\r\nContent-Type: application/json", "{}"),
    },
    { "changes the protocol", "protocol", "status 101", "maybe", { "HTTP/1.1 101 Switching Protocols\r\n\r\n" } },
    {
      "leads elsewhere", "protocol", "redirects", "maybe",
      plain("307 No\r\nLocation: http://127.0.0.1:9/", "t0k3n-hunter2"),
    },
    {
      "codes its body", "protocol", "Transfer-Encoding", "maybe",
      { HEAD .. "Transfer-Encoding: gzip, chunked\r\n\r\n" },
    },
    {
      "encodes its body", "protocol", "Content-Encoding, for which nobody had asked: gzip", "maybe",
      { HEAD .. "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\31\139\8\0\0\r\n0\r\n\r\n" },
    },
    { "extends a chunk without end", "overflow", "between its chunks", "maybe", { CHUNKED .. "5;", { "a", 100000 } } },
    { "has a chunk of less than nothing", "protocol", "chunked coding", "maybe", { CHUNKED .. "-5\r\ndata:" } },
    { "never comes to its answer", "overflow", "head", "maybe", { { "HTTP/1.1 100 Continue\r\n\r\n", 100000 } } },
    { "never ends its head", "overflow", "head", "maybe", { "HTTP/1.1 200 OK\r\n", { "X: y\r\n", 100000 } } },
    {
      "never ends its data", "overflow", "max_message", "maybe",
      { TO_THE_END .. "data: ", { ("x"):rep(65536), 1024 } },
    },
    {
      "never ends a comment", "overflow", "a line of more", "maybe",
      { TO_THE_END .. ":", { ("x"):rep(65536), 1024 } },
    },
    {
      "never ends a name", "overflow", "a line of more", "maybe",
      { TO_THE_END .. "event:", { ("x"):rep(65536), 1024 } },
    },
    { "says what is no JSON", "protocol", "not valid JSON", "maybe", whole(event "{") },
    {
      "says what is no UTF-8", "protocol", "not valid UTF-8", "maybe",
      whole(event '{"type":"event","data":{"text":"\255"}}'),
    },
    {
      "has an error before the message", "server", "bad ***", "yes",
      whole(event { type = "error", data = { message = "bad t0k3n-hunter2", status_code = 500 } }, final(2, "a")),
    },
  } -- stylua: ignore
  for _, case in ipairs(REFUSED) do
    it(case[1], function()
      assert.is_nil(connect { stream = { case[5], SECOND } })
      local message, err = session:ask "one"
      assert.is_nil(message)
      assert.same({ case[2], case[4] }, { err.kind, err.delivered })
      assert.matches(case[3], err.message, 1, true)
      assert.is_nil((tostring(err) .. cjson.encode(err.extra_data or {})):find "hunter2")
      assert_next_is_answered()
      assert.equal(2, server.asked().stream)
    end)
  end

  local IMPATIENT = { first = 0.5, idle = 0.5, total = 1 }
  local FLOODED = { total = 0.4 } -- each second of a flood keeps both processors busy

  -- Name, the limit that ends it, the text that was shown; the acts; the limits, if not those.
  local ENDLESS = {
    { "comments without end", "total", "", { TO_THE_END, { ":\n", 1e9 } }, limits = FLOODED },
    { "comments now and then", "total", "", { TO_THE_END, ":\n", 0.3, ":\n", 0.3, ":\n", 0.3, ":\n", 0.3, ":\n" } },
    {
      "says nothing without end", "total", "", { TO_THE_END, { "data: {\"type\":\"x\"}\n\n", 1e9 } },
      limits = FLOODED,
    },
    { "says a byte now and then", "first", "", { "H", 0.2, "T", 0.2, "T", 0.2, "P", 0.2, "/" } },
    { "resumes an answer with nothing", "idle", "one", CUT, whole() },
    { "resumes an answer with what is known", "idle", "one", CUT, whole(delta(5, "one")) },
    {
      "resumes an answer of another thread", "idle", "one", CUT,
      { CHUNKED .. thread "U" .. final(6, "another", "n") },
    },
    { "resumes an answer of another turn", "idle", "one of", CUT, whole(delta(8, " of"), final(9, "of another", "n")) },
    { "cuts off each resumption", "idle", "one", CUT, { CHUNKED .. THREAD, RESET } },
  } -- stylua: ignore
  for _, case in ipairs(ENDLESS) do
    it(case[1], function()
      assert.is_nil(connect({ stream = { case[4], case[5] } }, case.limits or IMPATIENT))
      local message, err = session:ask "one"
      assert.is_nil(message)
      assert.same({ "timeout", "maybe", case[3] }, { err.kind, err.delivered, err.text })
      assert.matches(("(timeout.%s)"):format(case[2]), err.message, 1, true)
    end)
  end

  it("lets nobody in is asked twice, with two tokens", function()
    assert.is_nil(connect { stream = { plain("401 Unauthorized", "") } })
    local message, err = session:ask "one"
    assert.is_nil(message)
    assert.same({ "auth", "no" }, { err.kind, err.delivered })
    assert.same({ 2, 2 }, { server.asked().token, server.asked().stream })
  end)

  -- Name, kind and words of the error; the answer to the exchange.
  local TOKENS = {
    {
      "gives a token with line breaks", "protocol", "access_token",
      token { access_token = "hunter2\r\nX: y", expires_in = 9 },
    },
    { "gives a token that has ended", "protocol", "expires_in", token { access_token = "hunter2", expires_in = 0 } },
    { "gives no token", "protocol", "access_token", token { expires_in = 9 } },
    { "answers the exchange with a page", "protocol", "cannot be read", { plain("200 OK", "<p>") } },
    { "answers the exchange with garbage", "protocol", "not HTTP/1.1", { { "garbage" } } },
  } -- stylua: ignore
  for _, case in ipairs(TOKENS) do
    it(case[1], function()
      local err = connect { token = case[4] }
      assert.is_nil(session)
      assert.equal(case[2], err.kind)
      assert.matches(case[3], err.message, 1, true)
      assert.is_nil(tostring(err):find "hunter2")
      assert.equal(1, server.asked().token)
    end)
  end
end)
