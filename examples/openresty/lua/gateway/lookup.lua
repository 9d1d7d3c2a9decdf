-- Looks tasks up in the agent's histories for those who wait for answers there: once for all that wait for one task in
-- this worker, and so many tasks at once, of which each client has its share.

local aui = require "resty.aui"
local cjson = require "cjson.safe"
local config = require "gateway.config"
local limits = require "gateway.limits"
local agent = require "gateway.agent"
local semaphore = require "ngx.semaphore"

local MOST_AT_ONCE, MOST_OF_A_CLIENT = 16, 2
local TURN = 0.001 -- seconds; nginx warns of shorter ones
local PATIENCE = config.rest_timeout + 5 -- seconds, for a look-up and one's turn

local turns, reading = semaphore.new(MOST_AT_ONCE), semaphore.new(1)
local turns_of_clients = setmetatable({}, { __mode = "v" }) -- of those that have look-ups
local gathering = setmetatable({}, { __mode = "v" }) -- by task: the look-up that will begin next

-- What a message is found by: all of it may take fifty times the memory that its JSON does.
local function essence(text)
  local message = cjson.decode(text)
  if type(message) ~= "table" or type(message.sender) ~= "table" then return false end
  return { id = message.id, text = message.text, sender = { type = message.sender.type } }
end

local function read(texts)
  local messages = {}
  for index, text in ipairs(texts) do
    messages[index] = essence(text)
  end
  return messages
end

-- One history is read after the other, and whatever else is due comes in between: so much JSON is work.
local function look_up(task_id)
  local texts, err = agent.messages(task_id)
  if not texts then return nil, err end
  if not reading:wait(PATIENCE) then return nil end
  ngx.sleep(TURN)
  local ok, messages = pcall(read, texts)
  reading:post(1)
  if not ok then error(messages, 0) end
  return messages, texts
end

-- A timer, since a request may end at any time, and with it whatever it does for others.
local function run(_, lookup)
  local ok, messages, more = pcall(look_up, lookup.task_id)
  turns:post(1)
  lookup.own_turns:post(1)
  if ok then
    lookup.messages, lookup.more = messages, more
  else
    ngx.log(ngx.ERR, tostring(messages))
  end
  lookup.done:post(lookup.waiting)
end

-- Waits for a turn: false if it does not come.
local function wait_for_turn(lookup)
  if not lookup.own_turns:wait(PATIENCE) then return false end
  if turns:wait(PATIENCE) then return true end
  lookup.own_turns:post(1)
  return false
end

local function own_turns()
  local client = limits.client()
  local own = turns_of_clients[client] or semaphore.new(MOST_OF_A_CLIENT)
  turns_of_clients[client] = own
  return own
end

-- Lets others join for a while, and then begins.
local function gather(task_id, pause)
  local lookup =
    { task_id = task_id, waiting = 1, done = semaphore.new(), due = aui.now() + pause, own_turns = own_turns() }
  gathering[task_id] = lookup
  ngx.sleep(pause)
  if gathering[task_id] == lookup then gathering[task_id] = nil end
  if not wait_for_turn(lookup) then
    lookup.done:post(lookup.waiting)
  elseif not ngx.timer.at(0, run, lookup) then -- too many of them
    run(nil, lookup)
  end
  return lookup
end

--- The messages of a task, oldest first: decoded, and each as JSON; or nil and an error, or nil alone when the worker
--- is too busy. The look-up begins after this call, within `pause` seconds or when it is its turn.
return function(task_id, pause)
  local lookup = gathering[task_id]
  if lookup and aui.now() < lookup.due then
    lookup.waiting = lookup.waiting + 1
  else
    lookup = gather(task_id, pause)
  end
  lookup.done:wait(PATIENCE)
  return lookup.messages, lookup.more
end
