-- Writes down what passes between the program and agents, as it happens, so that aui-sim can play it again: the file's
-- words stand in docs/simulator.md. What is secret of requests stays out, and what servers repeat of it is masked.

local errors = require "aui.error"
local host = require "aui.host"
local json_encoder = require "aui.text.json_encoder"
local json_text = require "aui.secret.json_text"
local log = require "aui.log"

local record = {}

local VERSION = 1
local FOR_EVER = 86400 -- seconds: as long as aui-sim can wait
local NO_CODE = 1005 -- of a close frame that has none (RFC 6455, 7.1.5)

local file -- nil: nothing is recorded
local name -- of the file, for people
local count -- of connections, streams and calls in it

local function json(value) return (json_encoder.encode("value", value)) end

-- Ends it by itself: what is recorded must not end by it.
local function give_up(why)
  file:close()
  file = nil
  log.advise(("aui.record: %s: %s: the recording has ended"):format(name, why))
end

-- Writes a line: members with their JSON texts, one after another. What is not there is left out.
local function write(members)
  local parts = {}
  for index = 1, #members, 2 do
    local text = members[index + 1]
    if text then parts[#parts + 1] = json(members[index]) .. ":" .. text end
  end
  local ok, why = file:write("{" .. table.concat(parts, ",") .. "}\n")
  if not ok then give_up(why) end
end

local function next_number()
  count = count + 1
  return count
end

--- Whether anything is recorded.
function record.is_on() return file ~= nil end

--- Ends it.
function record.stop()
  if file then file:close() end
  file = nil
end

--- From now on what sessions that are opened, and calls that are made, hear and say goes into this file, which is
--- emptied first: true; or nil and the error.
---@return true?
---@return aui.Error?
function record.start(path)
  record.stop()
  local opened, why = io.open(path, "w")
  local by, at = json("lua-aui " .. host.version), json(os.date "!%Y-%m-%dT%H:%M:%SZ")
  local ok = opened and opened:setvbuf "no" -- what is in it is there when the program dies
  if ok then
    ok, why = opened:write(('{"recording":%d,"by":%s,"at":%s}\n'):format(VERSION, by, at))
  end
  if not ok then
    if opened then opened:close() end
    return nil, errors.new { kind = "transport", message = host.words("aui.record: " .. why) }
  end
  file, name, count = opened, path, 0
  return true
end

-- ---- Answers that refuse ----

local function answer_text(status, retry_after, body, mask)
  body = json_text.mask(body, mask)
  local is_told = retry_after and retry_after >= 0 and mask(retry_after) == retry_after
  local headers = is_told and (',"headers":{"Retry-After":"%d"}'):format(retry_after) or ""
  return ('{"status":%d%s,"body":%s}'):format(status, headers, host.is_utf8(body) and json(body) or '""')
end

-- ---- Sessions ----

-- What was written of a session's connection, or of its stream: `number`, nil where there is none; `at`, when the last
-- thing was; `is_open`, whether the handshake was accepted; `is_over`, whether nothing more is to be said of it.
local Tape = {}
Tape.__index = Tape

--- That of a session of this service, while something is recorded: its core is to be asked for what there is.
function record.tape(service)
  local kind = service.carrier == "stream" and "stream" or "connection"
  return setmetatable({ file = file, kind = kind, mask = service.credentials.mask }, Tape)
end

-- Begins a connection or a stream.
function Tape:begin(at)
  self.number, self.at, self.is_open, self.is_over = next_number(), at, false, false
end

function Tape:write(at, members)
  local pause = math.floor((at - self.at) * 1000 + 0.5) / 1000
  local line = { self.kind, json(self.number), "after", pause > 0 and json(pause) or false }
  for _, member in ipairs(members) do line[#line + 1] = member end
  write(line)
  self.at = at
end

-- The last word on it.
function Tape:finish(at, members)
  if not self.number or self.is_over then return end
  self.is_over = true
  self:write(at, members)
end

-- A message of the server's, whose words stay as they are: a string, since another text of the same JSON is another
-- message to who counts bytes. What is no UTF-8, which nobody reads any further, is a connection that is cut.
local NOTE = {}

function NOTE.up(tape, at) tape:begin(at) end

function NOTE.open(tape, at)
  tape.is_open = true
  tape:write(at, {})
end

function NOTE.sent(tape, at, last_seq, _, message)
  if tape.kind == "stream" or not tape.number then
    tape:begin(at)
    tape.is_open = true -- a pool's connection is
  end
  tape.at = at
  local behind = last_seq >= 0 and tape.mask(last_seq) == last_seq and json(last_seq)
  tape:write(at, { "receive", json_text.mask(message, tape.mask), "last_event_id", behind })
end

function NOTE.message(tape, at, _, _, message)
  if not host.is_utf8(message) then return tape:finish(at, { "cut", json "fin" }) end
  tape:write(at, { "send", json(json_text.mask(message, tape.mask)) })
end

function NOTE.comment(tape, at) tape:write(at, { "comment", json "" }) end

function NOTE.close(tape, at, code, _, reason)
  local words = reason ~= "" and json(tape.mask(reason)) or false
  tape:finish(at, { "close", code == NO_CODE and "null" or json(code), "reason", words })
end

NOTE["end"] = function(tape) tape.is_over = true end

function NOTE.refused(tape, at, status, retry_after, body)
  local verb = tape.kind == "stream" and "response" or "handshake"
  tape:finish(at, { verb, answer_text(status, retry_after, body, tape.mask) })
end

local function cut(how)
  return function(tape, at)
    local is_opening = tape.kind == "connection" and not tape.is_open
    tape:finish(at, is_opening and { "handshake", json "drop" } or { "cut", json(how) })
  end
end

NOTE.cut, NOTE.reset = cut "fin", cut "reset"

-- By us. A server that is silent is one that stays so.
function NOTE.dropped(tape, at)
  if tape.kind == "stream" then return tape:finish(at, { "wait", json(FOR_EVER) }) end
  if not tape.is_open then return tape:finish(at, { "handshake", json "ignore" }) end
  tape.is_over = true
end

function NOTE.silence(tape, at) tape:finish(at, { "pong", "false" }) end

function NOTE.loss() give_up "there was no room for what came" end

local function note(tape, kind, at, ...)
  local is_begun = tape.number and not tape.is_over
  if is_begun or kind == "up" or kind == "sent" or kind == "loss" then NOTE[kind](tape, at, ...) end
end

--- Writes down what has passed over the session's connections since the last time. What comes when the recording has
--- ended is let go.
function Tape:take(handle)
  local kind, at, number, retry_after, bytes = handle:recorded()
  while kind do
    if self.file == file then note(self, kind, at, number, retry_after, bytes) end
    kind, at, number, retry_after, bytes = handle:recorded()
  end
end

-- ---- Calls ----

--- Writes down a REST call (see aui.api.call) that began at `at`, by host.now: its answer's status, body and perhaps
--- Retry-After; or nothing, if none has come. One whose answer has a secret, such as a token, stays out.
function record.call(rest, request, at, status, body, retry_after)
  if request.secret then return end
  local mask = rest.credentials.mask
  local answer = status and answer_text(status, retry_after, body, mask) or json "drop"
  local pause = math.floor((host.now() - at) * 1000 + 0.5) / 1000
  local path = json(mask(request.method .. " " .. request.path))
  write { "call", json(next_number()), "receive", path, "after", json(pause), "response", answer }
end

return record
