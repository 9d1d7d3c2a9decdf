-- Conversations in the agent's threads API. A thread has no id before its first message is answered: browsers know it
-- by one that is made up here.

local aui = require "resty.aui"
local config = require "gateway.config"
local random_id = require "gateway.random"
local store = require "gateway.store" "conversations"

local threads = {}

local options = config.agent()
local client = aui.client(options)
options.max_response_body = config.max_task
local client_for_welcomes = aui.client(options)

local MOST_BEGINNING = 75 -- seconds: a connection, and the first sign of an answer
local PAUSE = 1 -- seconds
local LONGEST_ID = 256 -- bytes

local function key(id) return "thread:" .. id end

-- The first message makes the thread: a second one before it is known would make another.
local function beginning(id) return "beginning:" .. id end

local function under_way()
  return { kind = "rate_limit", message = "Another answer is under way.", retryable = true, delivered = "no" }
end

function threads.begin()
  local welcome, err = client_for_welcomes:welcome_message()
  if not welcome then return nil, err end
  return { id = random_id(), welcome_message = welcome.welcome_message }
end

function threads.connect(id, user_id, message_id)
  local thread_id = store:get(key(id))
  if not thread_id then
    if not store:add(beginning(id), message_id, MOST_BEGINNING) then
      return nil, store:get(beginning(id)) ~= message_id and under_way() or nil
    end
    thread_id = store:get(key(id)) -- may be known since
  end
  local session, err = client:connect { thread_id = thread_id, user_id = user_id }
  if not session then store:delete(beginning(id)) end
  return session, err
end

local function note_thread(id, thread_id) store:set(key(id), thread_id, config.cookie_lifetime) end

-- A timer's: without its thread the conversation would begin anew, and nobody would be told.
local function note_later(is_last, id, thread_id)
  if pcall(note_thread, id, thread_id) or is_last then return end
  ngx.timer.at(PAUSE, note_later, id, thread_id)
end

function threads.keep(id, session)
  local thread_id = session.thread_id
  if thread_id and #thread_id <= LONGEST_ID then
    local ok, problem = pcall(note_thread, id, thread_id)
    if not ok then
      ngx.timer.at(PAUSE, note_later, id, thread_id)
      error(problem, 0)
    end
  end
  store:delete(beginning(id))
end

function threads.messages(id)
  local thread_id = store:get(key(id))
  if not thread_id then return {} end
  return client:messages_json(thread_id)
end

return threads
