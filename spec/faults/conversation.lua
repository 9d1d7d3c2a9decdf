-- One conversation over a connection that fails: random sends, cancellations and dropped sessions. Whatever the user of
-- the library is told is checked at once; what was sent is kept, to be compared with what the agent acted on.

local aui = require "aui"
local dice = require "spec.faults.dice"

local Conversation = {}
Conversation.__index = Conversation

-- The kinds that a failing connection may lead to: none of these faults is the server's, or makes it look as if it
-- had broken the protocol.
local KINDS = { transport = true, timeout = true, canceled = true }
-- Of servers whose faults are scripted. One that leaves events out and resumes has its numbers count other texts than
-- before, and that is what users are told: the server has broken the protocol.
local FAILURES = { server = true, application = true, protocol = true }
local RECOVERY = 45 -- seconds
local DELIVERED = { no = true, maybe = true, yes = true }
local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)
local closes_loops = _VERSION == "Lua 5.4"

-- ---- what was sent, and what must hold ---------------------------------------------------------------

local function brief(value)
  local text = tostring(value)
  return #text > 120 and text:sub(1, 50) .. " ... " .. text:sub(-50) or text
end

-- Takes down what is wrong; as string.format, with any values for %s.
local function complain(self, send, format, ...)
  local place = ("conversation %d, send %s, %s: "):format(self.index, send and send.number or "-", self.step)
  local values = {}
  for i = 1, select("#", ...) do values[i] = brief((select(i, ...))) end
  table.insert(self.complaints, place .. format:format(unpack(values)))
end

-- Words that name conversation, send and place, so that no piece of an answer can pass for one of another send.
local function new_text(self, number)
  local length = self.dice:choose { { 1, 8 }, { 1, 8 }, { 10, 60 }, { 10, 60 }, { 200, 400 } }
  local words = {}
  for i = 1, self.dice:between(length[1], length[2]) do
    local ornament = self.dice:choose { "", "", "é", "漢字", "\240\159\152\128", '"', "\\", "\n" }
    words[i] = ("%d/%d/%d%s"):format(self.index, number, i, ornament)
  end
  if #words < 5 and self.dice:chance(0.05) then words[#words] = words[#words]:rep(3000) end -- more than one write takes
  return table.concat(words, " ")
end

local function new_send(self)
  local send = { number = #self.sends + 1, shown = "" }
  send.text = new_text(self, send.number)
  table.insert(self.sends, send)
  return send
end

local function start(self)
  local send = new_send(self)
  send.reply = self.session:send(send.text)
  self.alive[send.reply] = true
  return send
end

-- Where a server leaves events out, only the end of an answer tells its text.
local function check_beginning(self, send, text, what)
  if self.is_scripted then return end
  if text ~= send.text:sub(1, #text) then
    complain(self, send, '%s is no beginning of "%s": "%s"', what, send.text, text)
  elseif (send.text:byte(#text + 1) or 0) >= 0x80 and (send.text:byte(#text + 1) or 0) < 0xC0 then
    complain(self, send, '%s ends within a character: "%s"', what, text)
  end
end

-- What a user shows after this chunk.
local function show(self, send, chunk, keep)
  if keep > #send.shown then complain(self, send, "told to keep %s bytes of %s", keep, #send.shown) end
  send.shown = send.shown:sub(1, keep) .. chunk
  check_beginning(self, send, send.shown, "what is shown")
end

local function check_error(self, send, err)
  local is_failure = self.is_scripted and FAILURES[err.kind]
  if not KINDS[err.kind] and not is_failure then complain(self, send, "kind %s: %s", err.kind, err) end
  if not DELIVERED[err.delivered] then complain(self, send, "delivered %s: %s", err.delivered, err) end
  if not is_failure and err.retryable ~= (err.kind ~= "canceled") then
    complain(self, send, "retryable is wrong: %s", err)
  end
  if type(err.message) ~= "string" or err.message == "" or err.message:find "%c" then
    complain(self, send, 'message "%s"', err.message)
  end
  if send and err.kind == "canceled" and not send.given_up then complain(self, send, "not canceled by us: %s", err) end
  if send and err.text ~= "" and err.delivered == "no" then
    complain(self, send, 'not delivered, with text "%s"', err.text)
  end
end

-- Takes down how a send ended; `whole` when all of its text was read.
local function settle(self, send, message, err, whole)
  send.message, send.err = message, err
  local text = message and message.text or err and err.text
  if message and message.text ~= send.text then complain(self, send, 'answered with "%s"', message.text) end
  if err then check_error(self, send, err) end
  if not message and not err then complain(self, send, "neither message nor error") end
  if text then check_beginning(self, send, text, "the text") end
  if whole and text ~= send.shown then complain(self, send, '"%s" was shown of "%s"', send.shown, text) end
end

-- Waits for the end, which must stay as it is.
local function finish(self, send, whole)
  local reply = send.reply
  local message, err = reply:message()
  settle(self, send, message, err, whole)
  reply:cancel()
  local message_again, err_again = reply:message(0)
  if message_again ~= message or err_again ~= err then complain(self, send, "ended twice: %s", err_again) end
  if message and reply:text() ~= message.text then complain(self, send, 'text() is "%s"', reply:text()) end
  send.reply = nil
end

local function give_up(send)
  send.given_up = true
  send.reply:cancel()
end

-- Reads up to the end, or so many chunks; returns whether the end came.
local function read(self, send, most)
  for _ = 1, most or math.huge do
    local chunk, keep = send.reply:next()
    if not chunk then return true end
    show(self, send, chunk, keep)
  end
  return false
end

-- ---- what users do -----------------------------------------------------------------------------------

local function open(self)
  local session, err
  if self.dice:chance(0.5) then
    session, err = aui.connect(self.options)
    if err then check_error(self, nil, err) end
    if err and err.delivered ~= "no" then complain(self, nil, "delivered before anything was sent: %s", err) end
  end
  self.session = session or assert(aui.session(self.options))
  self.alive[self.session] = true
end

local steps = {}

function steps.ask(self)
  local send = new_send(self)
  settle(self, send, self.session:ask(send.text))
  return send
end

function steps.wait(self) finish(self, start(self)) end

function steps.stream(self)
  local send = start(self)
  finish(self, send, read(self, send))
end

function steps.cancel_at_once(self)
  local send = start(self)
  give_up(send)
  finish(self, send)
end

function steps.cancel_after_chunks(self)
  local send = start(self)
  read(self, send, self.dice:between(1, 5))
  give_up(send)
  finish(self, send, read(self, send))
end

local function cancel_later(self, send)
  local pause = self.dice:fraction() ^ 2 * 0.3
  aui.spawn(function()
    aui.sleep(pause)
    if send.reply then give_up(send) end
  end)
end

function steps.cancel_meanwhile(self)
  local send = start(self)
  cancel_later(self, send)
  finish(self, send, read(self, send))
end

-- Several in a row; then they are read in any order, and one may be given up meanwhile.
function steps.burst(self)
  local burst = {}
  for i = 1, self.dice:between(2, 4) do burst[i] = start(self) end
  if self.dice:chance(0.4) then cancel_later(self, self.dice:choose(burst)) end
  while #burst > 0 do
    local send = table.remove(burst, self.dice:between(1, #burst))
    finish(self, send, read(self, send))
  end
end

function steps.loop(self)
  local send = start(self)
  local left = false
  local probability = self.dice:choose { 0, 0.3 }
  local ok, err = pcall(function()
    for chunk, keep in send.reply, nil, nil, send.reply do
      show(self, send, chunk, keep)
      left = self.dice:chance(probability)
      if left then
        send.given_up = true
        break
      end
    end
  end)
  if left and not closes_loops then send.reply:cancel() end
  finish(self, send, not left)
  if not ok and err ~= send.err then complain(self, send, "the loop raised %s", err) end
end

-- Waits so briefly that the patience often ends before the answer does; that changes nothing about the reply.
function steps.look_now_and_then(self)
  local send = start(self)
  repeat
    local chunk, keep = send.reply:next(0.002)
    local goes_on = type(keep) == "table" and keep.kind == "pending"
    if chunk then show(self, send, chunk, keep) end
  until not chunk and not goes_on
  finish(self, send, true)
end

function steps.forget_reply(self)
  local send = start(self)
  read(self, send, self.dice:between(0, 2))
  send.given_up, send.reply = true, nil
  if self.dice:chance(0.3) then collectgarbage() end
end

function steps.drop_session(self)
  for _ = 1, self.dice:between(0, 2) do steps.forget_reply(self) end
  self.session = nil
  if self.dice:chance(0.5) then collectgarbage() end
  open(self)
end

function steps.close_session(self)
  local burst = {}
  for i = 1, self.dice:between(0, 3) do burst[i] = start(self) end
  if burst[1] and self.dice:chance(0.5) then read(self, burst[1], 1) end
  for _, send in ipairs(burst) do send.given_up = true end
  self.session:close()
  for _, send in ipairs(burst) do finish(self, send) end
  local message, err = self.session:ask "too late"
  if message or err.kind ~= "canceled" then complain(self, nil, "a closed session sends") end
  open(self)
end

function steps.pause(self) aui.sleep(self.dice:fraction() ^ 2 * 0.2) end

local COMMON = { "ask", "wait", "stream", "loop", "burst", "burst", "cancel_meanwhile", "cancel_after_chunks" }
local RARE = { "cancel_at_once", "forget_reply", "drop_session", "close_session", "pause", "look_now_and_then" }

-- Once the faults are over, there is an answer again, at the latest when a session that backs off has done so.
local function recover(self)
  local limit = os.time() + RECOVERY
  while os.time() < limit do
    if steps.ask(self).message then return end
    aui.sleep(0.1) -- nobody may be listening
  end
  complain(self, nil, "no answer, though nothing fails any more: %s", self.sends[#self.sends].err)
end

-- ---- the conversation --------------------------------------------------------------------------------

local conversation = {}

--- A conversation that is still to be run. `options` are the session's; `alive` collects all sessions and replies as
--- its keys. Fields for others: index; is_scripted, whether its server has faults of its own; complaints, a list of
--- strings; sends, a list of tables: number, text, message or err where the user learnt how it ended; step and since,
--- what it is at and since when; session.
function conversation.new(seed, index, options, alive)
  return setmetatable({
    index = index,
    dice = dice.new(seed, index),
    options = options,
    alive = alive,
    complaints = {},
    sends = {},
    step = "not begun",
  }, Conversation)
end

local function take(self, name, step)
  self.step, self.since = name, os.time()
  step(self)
end

--- Holds the conversation, in a task.
function Conversation:run()
  take(self, "open", open)
  for _ = 1, 10 do
    local name = self.dice:choose(self.dice:chance(0.7) and COMMON or RARE)
    take(self, name, steps[name])
  end
  take(self, "recover", recover)
  take(self, "close", function() self.session:close() end)
  self.step, self.since, self.session = "ended", nil, nil
end

return conversation
