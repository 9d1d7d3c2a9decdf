-- Which browser is asking, by a cookie with 128 random bits, and which tasks are its own.

local config = require "gateway.config"
local agent = require "gateway.agent"
local random_id = require "gateway.random"
local store = require "gateway.store"

local browser = {}

-- Anybody can begin conversations in any number: those without a message are kept apart, where they take no room from
-- the others, and for a shorter time.
local kept, empty = store "conversations", store "empty"

local NAME = "aui_gateway"
local ATTRIBUTES = ("; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict"):format(config.cookie_lifetime)

-- What browsers see: a balancer in front may have taken the encryption off.
local function is_https() return (config.origin or ngx.var.scheme):find "^https" ~= nil end

-- With the prefix, browsers take the cookie from this very host alone, and over https (RFC 6265bis, 4.1.3.2).
local function cookie_name() return is_https() and "__Host-" .. NAME or NAME end

-- The value of a cookie, or nil. nginx's own variables take "__HOST-" for "__Host-", which some browsers do not: there
-- a neighbour, such as another host of the same domain, may have set such a cookie.
local function read_cookie(name)
  local pattern = ";[ \t]*" .. name:gsub("%-", "%%-") .. "=([^;]*)"
  return (";" .. (ngx.var.http_cookie or "")):match(pattern)
end

--- The id that a browser says it has, or nil.
function browser.claimed()
  local id = read_cookie(cookie_name())
  return id and #id == 32 and id:find "^%x+$" and id or nil
end

--- The browser's id, or nil: only what this gateway gave out counts, not an id that somebody made up.
function browser.current()
  local id = browser.claimed()
  return id and (kept:get("browser:" .. id) or empty:get("browser:" .. id)) and id or nil
end

local function keep_browser(id) kept:set("browser:" .. id, "1", config.cookie_lifetime) end

--- The browser's id; one that has none gets one with this answer.
function browser.welcome()
  local id = browser.current() or random_id()
  if kept:get("browser:" .. id) then
    keep_browser(id)
  else
    empty:set("browser:" .. id, "1", config.empty_lifetime)
  end
  ngx.header["Set-Cookie"] = cookie_name() .. "=" .. id .. ATTRIBUTES .. (is_https() and "; Secure" or "")
  return id
end

--- The agent's user_id of a browser; the cookie cannot be found from it.
function browser.user_id(id) return "web-" .. ngx.md5("user " .. id) end

-- In this order, as keep_task may move it meanwhile.
local function owner_of(task_id)
  local key = "owner:" .. task_id
  return empty:get(key) or kept:get(key)
end

--- Notes whose a new task is: false if it is somebody else's, as of an agent, or a cache before it, that says the same
--- twice.
function browser.give_task(id, task_id)
  return not owner_of(task_id) and empty:add("owner:" .. task_id, id, config.empty_lifetime) or owner_of(task_id) == id
end

--- To be called when the task gets a message.
function browser.keep_task(task_id)
  local key = "owner:" .. task_id
  local id = empty:get(key)
  if not id then return end
  keep_browser(id)
  kept:set(key, id, config.cookie_lifetime)
  empty:delete(key)
end

--- Whether the task belongs to whoever is asking. A task of somebody else looks like one that does not exist.
function browser.owns(task_id)
  if not agent.is_task_id(task_id) then return false end
  local id = browser.current()
  return id ~= nil and owner_of(task_id) == id
end

return browser
