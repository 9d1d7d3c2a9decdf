-- Settles what became of a message whose answer was cut off: asks the history of its task or thread until it tells. See
-- docs/recovery.md.

local call = require "aui.api.call"
local history = require "aui.recovery.history"
local host = require "aui.host"
local journal = require "aui.notify.journal"
local json = require "aui.text.json"
local retry = require "aui.api.retry"
local sent = require "aui.recovery.sent"

local CALL_TIMEOUT = 10 -- all times in seconds
local FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5
local TIMES_ABSENT = 2 -- in a row, before a message counts as never arrived: a server may still be taking it up

-- A reply in doubt: who waits for events of it. It holds neither the reply nor the session alive, nor does its task, in
-- whose main function no reply is ever on the stack while it waits.
local Doubt = {}
Doubt.__index = Doubt

function Doubt:on_event() host.notify(self) end

local function parked_reply(doubt)
  local reply = doubt.message.reply
  return reply and reply.handle:is_parked() and reply
end

local function is_parked(doubt) return parked_reply(doubt) and true or false end

-- What the history says: as history.find, but with the answer's JSON.
local function read(doubt, reply, body)
  local messages = json.decode(body)
  if type(messages) ~= "table" or not json.is_array(body) then return "unclear" end
  doubt.begun = reply.handle:is_answered()
  local session = reply.session.handle
  local verdict, index = history.find(messages, doubt, function(id) return session:has_seen(id) end)
  return verdict, index and json.items(body)[index]
end

-- Ends the doubt if the verdict allows it.
local function settle(doubt, reply, verdict, answer)
  local handle = reply.handle
  journal.verdict(doubt.source, verdict, reply.session.thread_id or doubt.message.task_id)
  doubt.absences = verdict == "absent" and doubt.absences + 1 or 0
  local settled
  if verdict == "unanswered" or (verdict == "absent" and doubt.absences < TIMES_ABSENT) then return end
  if verdict == "answered" then settled = handle:answer(answer) end
  if verdict == "absent" then settled = handle:resend() end
  if not settled then handle:give_up() end
end

-- The request for the history; nil where the conversation cannot be named.
local function request_of(doubt)
  local reply = parked_reply(doubt)
  return reply and reply.session.service.endpoint.api.history(reply.session, doubt.message.task_id)
end

-- Asks for the history; as call.once, but that there is an error, of no kind, where there is nothing to ask for.
local function ask(doubt)
  local request, deadline = request_of(doubt), host.now() + CALL_TIMEOUT
  if not request then return nil, {} end
  local function is_wanted() return is_parked(doubt) end
  local body, err, is_stale = call.once(doubt.rest, request, deadline, doubt, is_wanted)
  if err and err.status_code == 404 and request.otherwise then
    return call.once(doubt.rest, request.otherwise, deadline, doubt, is_wanted)
  end
  return body, err, is_stale
end

-- Returns how long the server wants not to be asked again, if it says so, as far as it is obeyed.
local function attempt(doubt)
  local body, err, is_stale = ask(doubt)
  local reply = parked_reply(doubt) -- held from here on, where nothing waits
  if not reply or not (body or err) then return end
  if body then
    settle(doubt, reply, read(doubt, reply, body))
  elseif err.retryable or is_stale then
    return retry.asked(err)
  else
    settle(doubt, reply, "unclear")
  end
end

local function recover(doubt)
  local pause = FIRST_PAUSE
  while is_parked(doubt) do
    local asked = attempt(doubt) or 0
    local seen = doubt.notices
    if is_parked(doubt) then host.wait(doubt, host.now() + math.max(pause, asked), seen) end
    pause = math.min(pause * 2, LONGEST_PAUSE)
  end
  doubt.over = true
end

local recovery = {}

--- To be told of every message that the session accepts: it has the list `sent` of those then.
function recovery.sent(session, reply, task_id, text)
  session.sent = session.sent or sent.new()
  session.sent:add(reply, task_id, text)
end

local function begin(session, message)
  local last_id, earlier, others = session.sent:before(message)
  local doubt = setmetatable({
    waiters = {},
    notices = 0,
    message = message,
    rest = session.service.rest,
    source = { id = session.id, service = session.service },
    text = message.text,
    last_id = last_id,
    earlier = earlier,
    others = others,
    absences = 0,
  }, Doubt)
  doubt.id = host.register(doubt)
  host.spawn_background(recover, doubt) -- raises when memory is short: then the next event begins it
  session.doubt = doubt
end

--- To be called when the session, which is in this state, has an event.
function recovery.on_event(session, state)
  if not session.sent then return end
  local message = session.sent:oldest()
  if session.doubt then
    if not is_parked(session.doubt) then host.notify(session.doubt) end
    if session.doubt.over then session.doubt = nil end
  end
  local reply = message and message.reply
  if not session.doubt and state == "open" and reply and reply.handle:is_parked() then begin(session, message) end
end

return recovery
