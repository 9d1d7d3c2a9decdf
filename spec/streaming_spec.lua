-- What a reader is shown while an answer streams: chunks that add up to each text the agent had sent, whatever it does
-- to that text and however it spells it.

local support = require "spec.support"
local wire = require "spec.wire"

local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)

local UPDATE = '{"event":"thread-message-text-content-updated","data":{"text":"%s"}}'
local FINAL = '{"id":"1","text":"%s","sender":{"id":"a","type":"agent"}}'

local GRIN, BEAM, FAMILY = "\240\159\152\128", "\240\159\152\129", "\240\159\145\169\226\128\141\240\159\145\167"
local REPLACEMENT = "\239\191\189" -- U+FFFD

local function is_continuation(byte) return byte ~= nil and byte >= 0x80 and byte < 0xc0 end

-- How many bytes of whole characters both texts begin with.
local function common_prefix(a, b)
  local n = 0
  while n < #a and n < #b and a:byte(n + 1) == b:byte(n + 1) do n = n + 1 end
  while n > 0 and (is_continuation(a:byte(n + 1)) or is_continuation(b:byte(n + 1))) do n = n - 1 end
  return n
end

-- The index of a later text that the chunk leads to. It may stand for several updates, when they came at once.
local function reached(texts, at, shown, chunk, keep)
  local kept = #texts[at]
  for index = at + 1, #texts do
    kept = math.min(kept, common_prefix(texts[index - 1], texts[index]))
    if keep == kept and shown == texts[index] then return index end
  end
  error(("chunk %q, keep %d: after %q, %q is none of the texts to come"):format(chunk, keep, texts[at], shown))
end

-- Reads the reply, which must show the texts in order.
local function follow(reply, texts)
  local at, shown = 1, ""
  texts = { "", unpack(texts) }
  for chunk, keep in reply do
    shown = shown:sub(1, keep) .. chunk
    at = reached(texts, at, shown, chunk, keep)
  end
  assert.are.equal(texts[#texts], shown)
  assert.are.equal(texts[#texts], assert(reply:message()).text)
  assert.are.equal(texts[#texts], reply:text())
end

-- The steps, the next one when the client has been heard of again: it mostly reads one at a time.
local function one_by_one(steps)
  local paced = { { receive = true } }
  for index, step in ipairs(steps) do
    paced[#paced + 1] = step
    if index < #steps then paced[#paced + 1] = { heard = true } end
  end
  return paced
end

local function check(way, steps, texts, options)
  local link = wire.new(way)
  finally(function() link:stop() end)
  follow(assert(link:connect(link:play(one_by_one(steps), options))):send "question", texts)
end

-- The steps of an answer with these updates and this final text, which by default is the last update's.
local function answer(updates, final)
  local steps = {}
  for index, text in ipairs(updates) do steps[index] = { update = text } end
  steps[#steps + 1] = { message = { text = final or updates[#updates] } }
  return steps
end

-- Each is { name, the updates' texts, the final text: that of the last update if it is left out }.
local CONVERSATIONS = {
  { "grows", { "I", "I found", "I found several", "I found several built-in microwaves" } },
  { "grows by characters of every length", { "a", "a\195\169", "a\195\169\226\130\172", "a\195\169" .. GRIN } },
  { "grows by combining marks", { "e", "e\204\129", "e\204\129\204\168" } },
  { "grows by joined emoji", { FAMILY:sub(1, 4), FAMILY:sub(1, 7), FAMILY, FAMILY .. GRIN } },
  { "is repeated", { "same", "same", "same", "same." } },
  { "is rewritten from the middle", { "The price is 100", "The price is 99, sorry", "The cost is 99" } },
  { "is rewritten within a character", { "caf\195\169", "caf\195\168", GRIN, BEAM } },
  { "is rewritten from the start", { "o", "one", "two", "three" } },
  { "shrinks", { "a long answer", "a long", "a" } },
  { "is emptied and begins again", { "first try", "", "second try" } },
  { "is emptied for good", { "nothing of this stays", "" } },
  { "begins empty", { "", "", "at last" } },
  { "looks like JSON", { '{"data":{"text":"', '{"data":{"text":"\\"', '{"data":{"text":"\\"}}],\\u0041' } },
  { "has quotes, backslashes and control characters", { '"', '"\\', '"\\\n', '"\\\n\t\b\f\r\1\31\127' } },
  { "is said in full by the final message alone", {}, "All at once" },
  { "is nothing at all", {}, "" },
  { "goes on in the final message", { "I found" }, "I found several" },
  { "ends earlier in the final message", { "I found several" }, "I found" },
  { "is another one in the final message", { "Let me see" }, "Here it is: " .. GRIN },
  { "is emptied by the final message", { "never mind" }, "" },
}

-- Updates that carry what is new only. Each is { name, the updates' texts, the texts shown, the final text: that of the
-- last update if it is left out }.
local DELTAS = {
  { "one by one", { "I", " found", " several" }, { "I", "I found", "I found several" } },
  {
    "with equal, empty and short ones among them",
    { "ha", " ", "ha", "ha", "", " ", "ha", "!" },
    { "ha", "ha ", "ha ha", "ha haha", "ha haha ", "ha haha ha", "ha haha ha!" },
  },
  {
    "that begin as the text does",
    { "I", " think", "I", "t", " is" },
    { "I", "I think", "I thinkI", "I thinkIt", "I thinkIt is" },
    "I think: It is",
  },
  { "of one alphabet", { "\208\175", "\208\184" }, { "\208\175", "\208\175\208\184" } },
  { "of which the first comes twice", { "ha", "ha", "!" }, { "ha", "ha!" }, "haha!" },
  { "of which the second begins as the first", { "th", "to", " be" }, { "th", "to", "to be" }, "thto be" },
  {
    "that turn out to be other wordings",
    { "Thinking", "I", "I found", "I found two" },
    { "Thinking", "ThinkingI", "I found", "I found two" },
  },
  { "before the whole", { "one", " two", "one two", "one two six" }, { "one", "one two", "one two six" } },
}

for _, envelope in ipairs { "simple", "full" } do
  describe(("deltas in the %s spelling are appended"):format(envelope), function()
    for _, conversation in ipairs(DELTAS) do
      local name, updates, shown, final = unpack(conversation)
      it(name, function()
        local texts = { unpack(shown) }
        texts[#texts + 1] = final
        check("ws", answer(updates, texts[#texts]), texts, { "--envelope", envelope })
      end)
    end
  end)
end

-- The agent of each session speaks in its own time, so only how a text grows is known.
for _, envelope in ipairs { "simple", "full" } do
  it(("life-cycle events around answers in the %s spelling are passed over"):format(envelope), function()
    local server = support.start { "--pace", "0", "--envelope", envelope, "--lifecycle" }
    local session = server:connect()
    for _, question in ipairs { "hello", "a built-in microwave", "thank you" } do
      local reply, shown = session:send(question), ""
      for chunk, keep in reply do
        assert.are.equal(#shown, keep)
        shown = shown .. chunk
      end
      assert.are.equal(shown, assert(reply:message()).text)
    end
    session:close()
    server:stop()
  end)
end

-- Each is { way, how updates are spelled }. In the threads API a text is only added to, but by the final message.
local CARRIED = { { "ws", "simple" }, { "ws", "full" }, { "stream", "simple" }, { "stream", "full" } }
table.insert(CARRIED, { "wss of threads", "full" })

local function only_grows(texts)
  for index = 2, #texts do
    if texts[index]:sub(1, #texts[index - 1]) ~= texts[index - 1] then return false end
  end
  return true
end

for _, carried in ipairs(CARRIED) do
  local way, envelope = unpack(carried)
  describe(("a text over %s, in the %s spelling, is followed when it"):format(way, envelope), function()
    for _, conversation in ipairs(CONVERSATIONS) do
      local name, updates, final = unpack(conversation)
      if way == "ws" or only_grows(updates) then
        it(name, function()
          local texts = { unpack(updates) }
          texts[#texts + 1] = final
          check(way, answer(updates, final), texts, { "--envelope", envelope })
        end)
      end
    end
  end)
end

-- Each is { name, the payloads as sent, the texts shown }; the last payload is the final message.
local function spelled(name, literals, texts)
  local payloads = {}
  for index, literal in ipairs(literals) do
    payloads[index] = (index < #literals and UPDATE or FINAL):format(literal)
  end
  return { name, payloads, texts }
end

local SPELLINGS = {
  spelled(
    "escapes",
    { [[\u00e9]], [[\u00E9\"\\\/\b]], [[\u00e9\"\\/\b\f\n\r\t]] },
    { "\195\169", '\195\169"\\/\b', '\195\169"\\/\b\f\n\r\t' }
  ),
  spelled("one text spelled twice", { "\195\169 1", [[\u00e9 1]], [[\u00e9 1!]] }, { "\195\169 1", "\195\169 1!" }),
  spelled("U+0000", { [[a\u0000]], [[a\u0000b]], [[a\u0000b\u0000]] }, { "a\0", "a\0b", "a\0b\0" }),
  spelled("a surrogate pair", { [[a \ud83d\ude00]], [[a \uD83D\uDE00!]] }, { "a " .. GRIN, "a " .. GRIN .. "!" }),
  spelled(
    "half a pair, the other half in the next update",
    { [[a \ud83d]], [[a \ud83d\ude00]], [[a \ud83d\ude00]] },
    { "a ", "a " .. GRIN }
  ),
  spelled("half a pair, the other half in the final message", { [[\ud83d]], [[\ud83d\ude01]] }, { BEAM }),
  spelled(
    "half a pair that stays alone",
    { [[a \ud83d]], [[a \ud83d b]], [[a \ud83d bc]] },
    { "a ", "a " .. REPLACEMENT .. " b", "a " .. REPLACEMENT .. " bc" }
  ),
  spelled("half a pair at the very end", { [[a \ud83d]], [[a \ud83d]] }, { "a ", "a " .. REPLACEMENT }),
  spelled("low halves alone", { [[\ude00]], [[\ude00\ude00]] }, { REPLACEMENT, REPLACEMENT .. REPLACEMENT }),
  spelled(
    "two high halves and a low one",
    { [[\ud83d\ud83d]], [[\ud83d\ud83d\ude00]] },
    { REPLACEMENT, REPLACEMENT .. GRIN }
  ),
  spelled(
    "pairs that become others",
    { "x", [[x\ud83d\ude00]], [[x\ud83d\ude01]], [[x\ud83d\ude01]] },
    { "x", "x" .. GRIN, "x" .. BEAM }
  ),
  {
    "keys in any order, with white space and decoys",
    {
      ' {\r\n\t"text" : "no", "data" : { "more" : { "text" : "no", "data": {"text": "no"} }, "text" : "one" , "event": '
        .. '"no" },\n"event" : "thread-message-text-content-updated" } ',
      '{"event":"thread-message-text-content-updated","extra":[{"data":{"text":"no"}}],'
        .. '"data":{"a":"\\"text\\":\\"no","text":"one two"}}',
      '{"sender":{"id":"no"},"id":"no","text":"no","data":{"text":"one two 3"},'
        .. '"event":"thread-message-text-content-updated"}',
      '{"sender":{"text":"no"},"options":[{"text":"no"}],"text":"one two 3.","data":{"text":"no"},"id":"1"}',
    },
    { "one", "one two", "one two 3", "one two 3." },
  },
  {
    "escaped names",
    {
      [[{"\u0065vent":"thread\u002dmessage-text-content-updated","dat\u0061":{"\u0074\u0065xt":"one"}}]],
      [[{"chann\u0065l":{"event_n\u0061me":"thread-message-text-content-update\u0064"},"data":{"te\u0078t":"one 2"}}]],
      [[{"\u0069d":"1","\u0074ext":"one two three","s\u0065nder":{}}]],
    },
    { "one", "one 2", "one two three" },
  },
  {
    "both spellings in one answer",
    {
      '{"event":"thread-message-text-content-updated","data":{"text":"one"}}',
      '{"channel":{"type":"WEBSOCKET","event_name":"thread-message-text-content-updated"},"data":{"text":"one two"}}',
      '{"event":"thread-message-text-content-updated","data":{"text":"one two three"}}',
      FINAL:format "one two three",
    },
    { "one", "one two", "one two three" },
  },
  {
    "unknown events, unknown fields and nulls between the updates",
    {
      '{"event":"agent-execution-started","data":{"text":"no"}}',
      '{"event":"thread-message-text-content-updated","version":2,"data":{"text":"one","tokens":[1,2.5e3,null]}}',
      '{"channel":{"event_name":"workflow-step"},"scope":null,"data":{"text":"no","id":"no","sender":{}}}',
      '{"event":"thread-message-text-content-updated","data":{"text":null}}',
      '{"event":"thread-message-text-content-updated","data":null}',
      '{"event":"thread-message-text-content-updated"}',
      '{"event":"other","id":"no","text":"no","sender":{}}',
      '[{"event":"thread-message-text-content-updated","data":{"text":"no"}}]',
      '"text"',
      "null",
      "{}",
      '{"data":{"id":"no","text":"no","sender":{}}}',
      '{"event":null,"channel":null,"id":"1","text":"one two","sender":null}',
    },
    { "one", "one two" },
  },
}

describe("a text is understood with", function()
  for _, spelling in ipairs(SPELLINGS) do
    local name, payloads, texts = unpack(spelling)
    it(name, function()
      local steps = {}
      for index, payload in ipairs(payloads) do steps[index] = { send = payload } end
      check("ws", steps, texts)
    end)
  end
end)

for _, way in ipairs(wire.ways) do
  describe(("a long answer over %s"):format(way), function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    it("may come in 20,000 updates", function()
      local server = link:start { "--tokens", "20000", "--token-bytes", "2" }
      local patience = { timeout = { total = 600 } } -- 400 MB in the tasks API; valgrind takes a minute
      local reply = assert(link:connect(server, patience)):send "question"
      local shown = support.read(reply)
      assert.are.equal(40000, #shown)
      assert.is_true(shown == reply:message().text)
    end)

    it("may be of 8 MB", function()
      local text = ("0123456789abcde\n"):rep(512 * 1024)
      local server = link:play { { receive = true }, { update = text:sub(1, 1000000) }, { message = { text = text } } }
      local reply = assert(link:connect(server, { max_message = 16 * 1024 * 1024 })):send "question"
      local shown = support.read(reply)
      assert.is_true(shown == text)
      assert.is_true(reply:message().text == text)
    end)
  end)
end
