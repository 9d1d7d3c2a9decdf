-- What reads what others wrote, each with the inputs that are hardest on it: { name, prepare }, where prepare(n)
-- returns a function that reads an input whose length grows as n does, and that length in bytes. spec/linear_spec.lua
-- counts the steps it takes.

package.path = "examples/irc/?.lua;" .. package.path

local aui = require "aui"
local core_options = require "spec.core_options"
local engine = require "aui.engine"
local error_module = require "aui.error"
local history = require "aui.recovery.history"
local json = require "aui.text.json"
local json_text = require "aui.secret.json_text"
local message = require "aui.api.message"
local plain = require "plain"
local products = require "aui.message"
local secrets = require "aui.secret"
local text_module = require "aui.command.text"
local wire = require "spec.wire"

assert(aui) -- it says which host the modules above are for

local TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
local FIN = 128
local MOST = 2 ^ 40 -- bytes

local subjects = {}

local function subject(name, prepare) subjects[#subjects + 1] = { name = name, prepare = prepare } end

-- ---- JSON, histories, errors ----

local arrays = {
  ["spaces in a string"] = function(n) return '[{"text":"x' .. (" "):rep(n) .. 'y"}]' end,
  ["spaces between values"] = function(n) return "[ 1" .. (" "):rep(n) .. "," .. (" "):rep(n) .. "2 ]" end,
  ["nothing but spaces"] = function(n) return "[" .. (" "):rep(n) .. "]" end,
  ["escapes"] = function(n) return '["' .. ("\\\\"):rep(n) .. '"]' end,
  ["quotes"] = function(n) return '["' .. ('\\"'):rep(n) .. '"]' end,
  ["items"] = function(n) return "[" .. ("1,"):rep(n) .. "1]" end,
  ["objects"] = function(n) return "[" .. ("{},"):rep(n) .. "{}]" end,
  ["nulls"] = function(n) return "[" .. ('{"a":null},'):rep(n) .. "null]" end,
}

for name, array in pairs(arrays) do
  subject("the items of an array: " .. name, function(n)
    local text = array(n)
    return function() assert(json.items(text)) end, #text
  end)
  subject("JSON: " .. name, function(n)
    local text = array(n)
    return function() assert(json.decode(text)) end, #text
  end)
end

subject("a message with as many members of any name", function(n)
  local members = {}
  for index = 1, n do members[index] = ('"k%d":"v"'):format(index) end
  local text = "{" .. table.concat(members, ",") .. "}"
  return function() assert(message.decode(text)) end, #text
end)

for name, title in pairs { ["one title"] = "x", ["titles of their own"] = false } do
  subject("products of many parameters with " .. name, function(n)
    local parameters = {}
    for index = 1, n do parameters[index] = { title = title or "k" .. index, value = index } end
    local given = { cards = { { name = "x", parameters = parameters } } }
    return function() products.products(given) end, n * #'{"title":"k1","value":1},'
  end)
end

-- The user's question and the agent's answer, again and again, or one of them alone.
local function conversation(n, ...)
  local messages = {}
  for index = 1, n do
    local sender = select(index % select("#", ...) + 1, ...)
    messages[index] = { id = "m" .. index, text = "the same words", sender = { type = sender } }
  end
  return messages
end

for name, senders in pairs { ["questions"] = { "user" }, ["questions and answers"] = { "user", "agent" } } do
  subject("a history of " .. name, function(n)
    local messages = conversation(n, (table.unpack or unpack)(senders)) -- luacheck: ignore (Lua 5.1)
    local question = { text = "the same words", last_id = "m1", earlier = 3, others = {} }
    return function()
      assert(history.find(messages, question))
      question.begun = true
      assert(history.find(messages, question))
    end, n * #question.text
  end)
end

local SECRET = "aaaaaaaaaaaaaaab"

local payloads = {
  ["of opening tags"] = function(n) return ("<"):rep(n) end,
  ["of closing tags"] = function(n) return (">"):rep(n) end,
  ["of empty tags"] = function(n) return ("<>"):rep(n) end,
  ["of spaces"] = function(n) return "x" .. (" "):rep(n) .. "x" end,
  ["of what begins like a secret"] = function(n) return ("a"):rep(n) end,
  ["of secrets"] = function(n) return SECRET:rep(n) end,
  ["of bytes that are no text"] = function(n) return ("\255\254"):rep(n) end,
  ["with a long message"] = function(n) return '{"message":"' .. ("a "):rep(n) .. '"}' end,
  ["with a long list"] = function(n) return '{"detail":[' .. ('{"msg":"m","loc":["a"]},'):rep(n) .. "{}]}" end,
  ["with a long place"] = function(n) return '{"detail":[{"msg":"m","loc":[' .. ('"a",'):rep(n) .. '"a"]}]}' end,
  ["with much extra data"] = function(n) return '{"extra_data":{"a":["' .. ("aaa "):rep(n) .. '","b"]}}' end,
}

for name, payload in pairs(payloads) do
  subject("an error's body " .. name, function(n)
    local holder = secrets.new()
    holder.add { SECRET }
    local mask = secrets.mask { holder }
    mask "" -- has what it looks for ready
    local raw = { kind = "server", message = "the server answered", payload = payload(n) }
    return function() error_module.from_core(raw, mask) end, #raw.payload
  end)
end

-- A server chooses the token that it repeats.
local tokens = {
  ["that is cut off, again and again"] = function(n) return ("a"):rep(n) .. "b", ("a"):rep(n - 1) .. "c" end,
  ["that is almost there, again and again"] = function(n) return ("a"):rep(n) .. "b", ("a"):rep(2 * n) end,
  ["that is almost there, percent-encoded"] = function(n) return ("+"):rep(n) .. "b", ("%2B"):rep(2 * n) end,
  ["that is almost there, in HTML"] = function(n) return ("+"):rep(n) .. "b", ("&#43;"):rep(2 * n) end,
  ["that is there"] = function(n) return ("+"):rep(n) .. "b", ("+"):rep(n) .. "b" end,
}

for name, token in pairs(tokens) do
  subject("an error of a long token " .. name, function(n)
    local value, words = token(32 * n)
    local holder = secrets.new()
    holder.add { value }
    local mask = secrets.mask { holder }
    mask "" -- has what it looks for ready
    local payload = ('{"extra_data":{"a":"%s"}}'):format(words)
    local raw = { kind = "server", message = "the server answered", payload = payload }
    return function() error_module.from_core(raw, mask) end, #payload
  end)
end

local values = {
  ["short strings"] = '"a",',
  ["strings that begin like a secret"] = '"name1=va",',
  ["strings like the end of a secret"] = '"ue/15=abcdefghij",',
  ["numbers"] = "123456789012345,",
  ["objects"] = '{"name1":"va"},',
}

for name, value in pairs(values) do
  subject("an error where there are many secrets: " .. name, function(n)
    local list, holder = { "12345678901234" }, secrets.new()
    for index = 1, 15 do list[#list + 1] = ("name%d=va/lue+%d=abcdefghij"):format(index, index) end
    holder.add(list)
    local mask = secrets.mask { holder }
    mask "" -- has what it looks for ready
    local payload = ('{"extra_data":{"a":[%s1]}}'):format(value:rep(n))
    local raw = { kind = "server", message = "the server answered", payload = payload }
    return function() error_module.from_core(raw, mask) end, #payload
  end)
end

local recorded = {
  ["of digits"] = function(n) return "[" .. ("9"):rep(8 * n) .. "]" end,
  ["of numbers that are secrets"] = function(n) return "[" .. ("123456789012.0,"):rep(n) .. "1]" end,
  ["of other numbers"] = function(n) return "[" .. ("1.5,"):rep(n) .. "1]" end,
  ["of strings"] = function(n) return "[" .. ('"123456789012",'):rep(n) .. "123456789012]" end,
  ["of a long string"] = function(n) return '["' .. ("\\\\"):rep(n) .. '",123456789012]' end,
}

for name, text in pairs(recorded) do
  subject("a message that is recorded, " .. name, function(n)
    local holder = secrets.new()
    holder.add { "123456789012" }
    local mask = secrets.mask { holder }
    mask "" -- has what it looks for ready
    local message_text = text(n)
    return function() json_text.mask(message_text, mask) end, #message_text
  end)
end

-- ---- Examples ----

local lines = {
  ["spaces"] = function(n) return "x" .. (" "):rep(n) .. "x" end,
  ["nothing but spaces"] = function(n) return (" "):rep(n) end,
  ["a long word"] = function(n) return ("\195\164"):rep(8 * n) end,
  ["lines"] = function(n) return ("\n"):rep(n) end,
}

for name, line in pairs(lines) do
  subject("wrapped lines: " .. name, function(n)
    local text = line(n)
    return function() assert(text_module.wrap(text, 80)) end, #text
  end)
  subject("a line on IRC: " .. name, function(n)
    local text = line(n)
    return function() assert(plain.text(text)) end, #text
  end)
end

-- ---- The engine ----

local function new_core()
  local core = engine.session(core_options {
    ping_interval = math.huge, max_message = MOST, max_response_head = MOST, max_depth = 1024,
  }) -- stylua: ignore
  assert(core:needs() == "connect")
  core:phase "connect"
  return core
end

-- A session whose WebSocket is open, with a message on its way.
local function asking()
  local core = new_core()
  core:adopted(nil, 0)
  local reply = core:send('{"text":"hello"}')
  while core:output() do end -- luacheck: ignore
  return core, reply
end

-- Reads the bytes one by one, or all at once.
local function feed(core, bytes, how)
  if how == "whole" then return core:receive(bytes) end
  for at = 1, #bytes do core:receive(bytes:sub(at, at)) end
end

-- What is read at once costs C few steps a byte, so that it takes more of them to see how they grow.
local function as_many(n, how) return how == "whole" and 8 * n or n end

local function long_frame(payload)
  local n, length = #payload, {}
  for index = 8, 1, -1 do
    length[index] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return string.char(FIN + TEXT, 127) .. table.concat(length) .. payload
end

local function update(text)
  return ('{"event":"thread-message-text-content-updated","data":{"text":"%s"}}'):format(text)
end

local function frame_of(payload) return #payload < 65536 and wire.frame(FIN + TEXT, payload) or long_frame(payload) end

local function in_fragments(payload)
  local frames = { wire.frame(TEXT, payload:sub(1, 1)) }
  for at = 2, #payload do frames[at] = wire.frame(0, payload:sub(at, at)) end
  frames[#frames + 1] = wire.frame(FIN, "")
  return table.concat(frames)
end

local texts = {
  ["ASCII"] = function(n) return ("abc "):rep(n) end,
  ["characters of four bytes"] = function(n) return ("\240\159\152\128"):rep(n) end,
  ["escapes"] = function(n) return ("\\\\"):rep(n) end,
  ["escaped characters"] = function(n) return ("\\ud83d\\ude00"):rep(n) end,
  ["high surrogates"] = function(n) return ("\\ud83d"):rep(n) end,
  ["a high surrogate behind backslashes"] = function(n) return ("\\\\"):rep(n) .. "\\ud83d" end,
}

for name, text in pairs(texts) do
  for _, how in ipairs { "byte by byte", "whole" } do
    subject(("an update of %s, %s"):format(name, how), function(n)
      local core, reply = asking()
      local bytes = frame_of(update(text(as_many(n, how))))
      return function()
        feed(core, bytes, how)
        assert(reply:take())
      end, #bytes
    end)
  end
  subject("an update in fragments: " .. name, function(n)
    local core, reply = asking()
    local bytes = in_fragments(update(text(n)))
    return function()
      core:receive(bytes)
      assert(reply:take())
    end, #bytes
  end)
  subject("the same update again and again: " .. name, function(n)
    local core = asking()
    local bytes = frame_of(update(text(20))):rep(n)
    return function() core:receive(bytes) end, #bytes
  end)
  subject("a final message: " .. name, function(n)
    local core, reply = asking()
    local words = ('{"id":"1","sender":{"type":"agent"},"text":"%s"}'):format(text(n))
    local bytes = frame_of(words)
    return function()
      core:receive(bytes)
      assert(reply:message())
    end, #bytes
  end)
end

local others = {
  ["spaces"] = function(n) return "{" .. (" "):rep(n) .. '"a"' .. (" "):rep(n) .. ":1}" end,
  ["lists of spaces"] = function(n) return "{" .. ('"detail":[   ],'):rep(n) .. '"a":1}' end,
  ["brackets"] = function(n) return "[" .. ("[[[]]],"):rep(n) .. "1]" end,
  ["members"] = function(n) return "{" .. ('"status_code":1,'):rep(n) .. '"a":1}' end,
  ["long numbers"] = function(n) return '{"status_code":' .. ("9"):rep(n) .. "." .. ("9"):rep(n) .. "}" end,
  ["numbers as small as can be"] = function(n)
    return "{" .. ('"status_code":' .. ("9"):rep(400) .. "e-999999,"):rep(n / 100) .. '"a":1}'
  end,
  ["updates"] = function(n) return "[" .. (update "x" .. ","):rep(n) .. "1]" end,
}

for name, payload in pairs(others) do
  subject("another message: " .. name, function(n)
    local core = asking()
    local bytes = frame_of(payload(8 * n))
    return function() core:receive(bytes) end, #bytes
  end)
end

local frames = {
  ["pings"] = wire.frame(FIN + PING, "x"),
  ["pongs"] = wire.frame(FIN + PONG, ("x"):rep(125)),
  ["small messages"] = wire.frame(FIN + TEXT, "{}"),
}

for name, frame in pairs(frames) do
  subject(name, function(n)
    local core = asking()
    local bytes = frame:rep(n)
    return function() core:receive(bytes) end, #bytes
  end)
end

subject("empty fragments", function(n)
  local core = asking()
  local bytes = wire.frame(TEXT, "{") .. wire.frame(0, ""):rep(n)
  return function() core:receive(bytes) end, #bytes
end)

subject("what follows a close frame", function(n)
  local core = asking()
  local bytes = wire.frame(FIN + CLOSE, "") .. ("x"):rep(n)
  return function() core:receive(bytes) end, #bytes
end)

local REFUSED = "HTTP/1.1 503 Service Unavailable\r\n"
local CHUNKED = REFUSED .. "Transfer-Encoding: chunked\r\n\r\n"

local answers = {
  ["fields"] = function(n) return REFUSED .. ("a: b\r\n"):rep(n) .. "\r\n" end,
  ["a long field"] = function(n) return REFUSED .. "a: " .. ("b"):rep(n) .. "\r\n\r\n" end,
  ["a field of spaces"] = function(n) return REFUSED .. "a: b" .. (" "):rep(n) .. "c\r\n\r\n" end,
  ["folds"] = function(n) return REFUSED .. "a: b\r\n" .. (" c\r\n"):rep(n) .. "\r\n" end,
  ["folds of spaces"] = function(n) return REFUSED .. "a: b\r\n" .. ("          \r\n"):rep(n) .. "c: d\r\n\r\n" end,
  ["a list"] = function(n) return REFUSED .. "Connection: " .. ("a,"):rep(n) .. "\r\n\r\n" end,
  ["lengths"] = function(n) return REFUSED .. ("Content-Length: 1\r\n"):rep(n) .. "\r\nx" end,
  ["a list of lengths"] = function(n) return REFUSED .. "Content-Length: " .. ("1,"):rep(n) .. "1\r\n\r\nx" end,
  ["a long Retry-After"] = function(n) return REFUSED .. "Retry-After: " .. ("9"):rep(n) .. "\r\n\r\n" end,
  ["Retry-After again and again"] = function(n)
    return REFUSED .. ("Retry-After: Sunday, 06-Nov-94 08:49:37 GMT\r\n"):rep(n) .. "\r\n"
  end,
  ["interim answers"] = function(n) return ("HTTP/1.1 100 Continue\r\na: b\r\n\r\n"):rep(n) .. REFUSED .. "\r\n" end,
  ["chunks"] = function(n) return CHUNKED .. ("1\r\nx\r\n"):rep(n) .. "0\r\n\r\n" end,
  ["to the end"] = function(n) return REFUSED .. "\r\n" .. ("x"):rep(n) end,
  ["trailers"] = function(n) return CHUNKED .. "0\r\n" .. ("a: b\r\n"):rep(n) .. "\r\n" end,
  ["another protocol"] = function(n) return ("x"):rep(n) end,
}

local function new_exchange()
  local exchange = engine.exchange {
    target = "/", request_host = "host", timeout = math.huge, max_response_head = MOST, max_body = MOST,
  } -- stylua: ignore
  assert(exchange:want() == "connect")
  return exchange
end

for asked, new in pairs { ["the handshake"] = new_core, ["a call"] = new_exchange } do
  for name, answer in pairs(answers) do
    for _, how in ipairs { "byte by byte", "whole" } do
      subject(("an answer to %s: %s, %s"):format(asked, name, how), function(n)
        local machine = new()
        machine:connected()
        while machine:output() do end -- luacheck: ignore
        local bytes = answer(as_many(n, how))
        return function()
          feed(machine, bytes, how)
          machine:disconnected(nil, true)
        end, #bytes
      end)
    end
  end
end

-- ---- Messages that wait ----

local MANY = 5 -- times as many: what each costs is little beside what a session does

subject("messages that wait when their session is closed", function(n)
  aui.log(function() end, "warn")
  local session = aui.session {
    url = "ws://127.0.0.1:9/api/v1/external/session", task_id = "t", proxy = false,
    queue = { messages = 2 ^ 30, bytes = MOST },
  } -- stylua: ignore
  local replies, text = {}, ("x"):rep(40)
  for index = 1, MANY * n do replies[index] = session:send(text) end
  return function()
    session:close()
    aui.step()
    assert(replies[MANY * n]:status() == "failed")
    aui.log(nil)
  end, MANY * n * #text
end)

table.sort(subjects, function(a, b) return a.name < b.name end)

return subjects
