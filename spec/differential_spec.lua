-- Random answers, some in deltas, each sent in two spellings that mean the same: one that goes on as the update before
-- it did, which is the engine's fast path, and one that differs from the start each time. Both must show what lua-cjson
-- makes of them. So in both APIs; by that of threads all answers come in deltas.

local cjson = require "cjson"
local wire = require "spec.wire"

local MESSAGES = 300
local UPDATE_NAME = "thread-message-text-content-updated"
local seed = tonumber(os.getenv "AUI_SEED") or 20261123

-- A generator of our own, so that every Lua makes the same texts of a seed (Park and Miller's "minimal standard").
local function new_random(state)
  return function(most)
    state = state * 16807 % 2147483647
    return state % most + 1
  end
end

local random = new_random(seed)

local function one_of(list) return list[random(#list)] end

-- ---- texts, as lists of characters ----

local PLAIN = { "a", "b", " ", "e", "z", "0", "{", "}", "[", ":", ",", "'", "/" }
local SPECIAL = { '"', "\\", "\n", "\t", "\r", "\b", "\f", "\0", "\1", "\31", "\127" }
local WIDE = { "\195\169", "\195\168", "\204\129", "\226\130\172", "\226\128\141", "\239\191\189", "\239\191\191" }
local WIDEST = { "\240\159\152\128", "\240\159\152\129", "\240\159\145\169", "\244\143\191\191", "\240\144\128\128" }
local ALPHABETS = { PLAIN, PLAIN, PLAIN, SPECIAL, WIDE, WIDEST }

-- The next text: mostly one that goes on, sometimes one that is shorter, rewritten, the same or empty.
local function evolve(characters)
  local kept = random(8) > 1 and #characters or random(#characters + 1) - 1
  local evolved = {}
  for index = 1, kept do evolved[index] = characters[index] end
  for _ = 1, random(6) - 1 do evolved[#evolved + 1] = one_of(one_of(ALPHABETS)) end
  return evolved
end

-- ---- spellings ----

local SHORT = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\b"] = "\\b", ["\f"] = "\\f",
} -- stylua: ignore

local function code_point(character)
  local first = character:byte()
  if first < 0x80 then return first end
  local value = first < 0xe0 and first - 0xc0 or first < 0xf0 and first - 0xe0 or first - 0xf0
  for index = 2, #character do value = value * 64 + character:byte(index) - 0x80 end
  return value
end

local function escape(character)
  local value = code_point(character)
  if value < 0x10000 then return ("\\u%04x"):format(value) end
  value = value - 0x10000
  return ("\\u%04X\\u%04x"):format(0xd800 + math.floor(value / 1024), 0xdc00 + value % 1024)
end

local function needs_escape(character) return SHORT[character] or character:byte() < 0x20 end

-- The same each time, so that what stays of a text keeps its spelling.
local function spell_steadily(character)
  return SHORT[character] or (needs_escape(character) or #character == 2) and escape(character) or character
end

local function spell_freely(character)
  if random(3) == 1 then return escape(character) end
  if SHORT[character] then return SHORT[character] end
  if character == "/" and random(2) == 1 then return "\\/" end
  return needs_escape(character) and escape(character) or character
end

local function quote(characters, spell)
  local spelled = {}
  for index, character in ipairs(characters) do spelled[index] = spell(character) end
  return '"' .. table.concat(spelled) .. '"'
end

local function space() return one_of { "", "", " ", "\n", "\t ", "\r\n  " } end

-- An object of these members, { name, JSON } each, in random order and with white space.
local function object(members)
  local parts = {}
  for _, member in ipairs(members) do
    local spelled = space() .. '"' .. member[1] .. '"' .. space() .. ":" .. space() .. member[2] .. space()
    table.insert(parts, random(#parts + 1), spelled)
  end
  return space() .. "{" .. table.concat(parts, ",") .. "}" .. space()
end

local function steady_update(characters)
  return ('{"event":"%s","data":{"text":%s}}'):format(UPDATE_NAME, quote(characters, spell_steadily))
end

local function free_update(characters)
  local text = quote(characters, spell_freely)
  local data = object { { one_of { "text", "te\\u0078t" }, text }, { "more", '[{"text":"no"},null,-1.5e3]' } }
  local decoy = { "text", '"no"' }
  if random(2) == 1 then return object { { "event", '"' .. UPDATE_NAME .. '"' }, { "d\\u0061ta", data }, decoy } end
  return object { { "channel", object { { "event_name", '"' .. UPDATE_NAME .. '"' } } }, { "data", data }, decoy }
end

local function final(characters, spell, id)
  return object { { "id", '"' .. id .. '"' }, { "text", quote(characters, spell) }, { "sender", '{"type":"agent"}' } }
end

-- The number is behind the text, so that one event can go on as the one before did.
local function steady_envelope(type, seq, data) return ('{"type":"%s","data":%s,"seq":%d}'):format(type, data, seq) end

local function free_envelope(type, seq, data)
  return object { { "type", '"' .. type .. '"' }, { one_of { "seq", "s\\u0065q" }, tostring(seq) }, { "data", data } }
end

local function free_delta(characters)
  local data = object { { one_of { "text", "te\\u0078t" }, quote(characters, spell_freely) }, { "more", "[null]" } }
  if random(2) == 1 then return data end
  return object { { "data", data }, { "channel", object { { "event_name", '"' .. UPDATE_NAME .. '"' } } } }
end

-- Each makes an answer's `seq`-th event.
local TASKS = {
  steady = { update = steady_update, final = function(text, id) return final(text, spell_steadily, id) end },
  free = { update = free_update, final = function(text, id) return final(text, spell_freely, id) end },
}
local THREADS = {
  steady = {
    update = function(text, seq)
      return steady_envelope("event", seq, ('{"text":%s}'):format(quote(text, spell_steadily)))
    end,
    final = function(text, id, seq) return steady_envelope("message", seq, final(text, spell_steadily, id)) end,
  },
  free = {
    update = function(text, seq) return free_envelope("event", seq, free_delta(text)) end,
    final = function(text, id, seq) return free_envelope("message", seq, final(text, spell_freely, id)) end,
  },
}

-- ---- what is shown ----
-- ---- what is shown ----

local function begins_with(text, prefix) return text:sub(1, #prefix) == prefix end

-- How many bytes of whole characters both texts begin with.
local function shared(a, b)
  local n, whole = 0, 0
  for index = 1, math.min(#a, #b) + 1 do
    local byte, other = a:byte(index) or 0, b:byte(index) or 0
    if (byte < 0x80 or byte >= 0xc0) and (other < 0x80 or other >= 0xc0) then whole = n end
    if index > #a or index > #b or byte ~= other then break end
    n = index
  end
  return whole
end

-- An answer's text, as its updates make it: each is the whole, or a delta (src/engine/growth.h has the rules).
local function new_growth(api)
  return { text = "", last_at = 0, expects_deltas = api == THREADS, deltas = api == THREADS }
end

local TELLING = 16 -- bytes

local function is_delta(growth, update)
  local text = growth.text
  if growth.whole or text == "" then return false end
  if update == "" then return growth.deltas end
  if not growth.deltas then
    local equal = shared(text, update)
    growth.whole = equal > math.floor(#text / 2) and text ~= update
    growth.deltas, growth.doubtful = equal == 0, true
    return growth.deltas
  end
  local tells = not growth.expects_deltas or #text >= TELLING
  growth.whole = tells and begins_with(update, text)
  if growth.whole then return false end
  local last = text:sub(growth.last_at + 1)
  local goes_on = #update > #last and begins_with(update, last)
  local reworded = goes_on and growth.doubtful
  growth.doubtful = goes_on
  if reworded then growth.deltas = false end
  return not reworded
end

local function grow(growth, update)
  if not is_delta(growth, update) then
    growth.text = update
  elseif update ~= "" then
    growth.last_at, growth.text = #growth.text, growth.text .. update
  end
  return growth.text
end

-- ---- conversations ----

local function append(characters, more)
  for _, character in ipairs(more) do characters[#characters + 1] = character end
end

-- One answer in both spellings: the payloads of each, and the texts that they make.
local function make_answer(api, number)
  local steady, free, texts, characters, whole = {}, {}, {}, {}, {}
  local growth, by_deltas = new_growth(api), api == THREADS or random(4) == 1
  local count = random(12)
  for seq = 1, count do
    characters = evolve(by_deltas and random(4) > 1 and {} or characters) -- a delta may begin as the last one does
    append(whole, characters)
    steady[seq], free[seq] = api.steady.update(characters, seq), api.free.update(characters, seq)
    local data, text = cjson.decode(free[seq]).data, table.concat(characters)
    assert(text == (data.data or data).text, "lua-cjson reads another text")
    texts[seq] = grow(growth, text)
  end
  if api == THREADS then characters = whole end
  if random(3) == 1 then characters = evolve(characters) end
  steady[count + 1] = api.steady.final(characters, number, count + 1)
  free[count + 1] = api.free.final(characters, number, count + 1)
  local message = cjson.decode(free[count + 1])
  texts[count + 1] = (message.data or message).text
  return { steady = steady, free = free, texts = texts }
end

local function make_answers(api)
  local answers = {}
  for index = 1, MESSAGES do answers[index] = make_answer(api, index) end
  return answers
end

-- The steps of a connection that gives the answers in one of the spellings, some in small fragments.
local function steps_of(answers, spelling)
  local steps = {}
  for _, answer in ipairs(answers) do
    steps[#steps + 1] = { receive = true }
    for _, payload in ipairs(answer[spelling]) do
      steps[#steps + 1] = { send = payload, fragment = random(4) == 1 and random(9) or nil }
      if random(4) == 1 then
        steps[#steps + 1] = { ping = "" }
        steps[#steps + 1] = { await_pong = true }
      end
    end
  end
  return steps
end

local NEWLINES = { "lf", "crlf", "cr" }

-- The same, as streams: an event's white space that ends a line begins another one of its data.
local function streams_of(answers, spelling)
  local streams = {}
  for index, answer in ipairs(answers) do
    local steps = { { newline = one_of(NEWLINES) } }
    for _, payload in ipairs(answer[spelling]) do
      steps[#steps + 1] = { send = (payload:gsub("\r\n?", "\n")) }
      if random(8) == 1 then steps[#steps + 1] = { comment = "still there" } end
      if random(8) == 1 then steps[#steps + 1] = { wait = 0.002 } end -- so that not all is read at once
    end
    steps[#steps + 1] = { done = true }
    streams[index] = steps
  end
  return { streams = streams }
end

local function starts_character(text, at)
  local byte = text:byte(at)
  return not byte or byte < 0x80 or byte >= 0xc0
end

-- Reads the reply: each chunk must lead to a later one of the texts, without splitting a character.
local function check(reply, texts)
  local shown, at = "", 1
  for chunk, keep in reply do
    assert(starts_character(shown, keep + 1) and starts_character(chunk, 1), "a character was split")
    shown = shown:sub(1, keep) .. chunk
    while texts[at] and texts[at] ~= shown do at = at + 1 end
    assert(texts[at], ("%q is none of the texts to come"):format(shown))
  end
  assert(shown == texts[#texts], ("the chunks add up to %q, not %q"):format(shown, texts[#texts]))
  local text = assert(reply:message()).text
  assert(text == shown, ("the message has %q, the chunks add up to %q"):format(text, shown))
end

local answers_of = { [TASKS] = make_answers(TASKS), [THREADS] = make_answers(THREADS) }

for _, spelling in ipairs { "steady", "free" } do
  for _, way in ipairs(wire.ways) do
    it(("random answers in a %s spelling over %s are shown as lua-cjson reads them"):format(spelling, way), function()
      local link = wire.new(way)
      finally(function() link:stop() end)
      local answers = answers_of[link.carrier and THREADS or TASKS]
      local scenario = (link.by_stream and streams_of or steps_of)(answers, spelling)
      local session = assert(link:connect(link:play(scenario)))
      for index, answer in ipairs(answers) do
        local ok, problem = pcall(check, session:send "question", answer.texts)
        assert(ok, ("AUI_SEED=%d, answer %d: %s"):format(seed, index, tostring(problem)))
      end
    end)
  end
end
