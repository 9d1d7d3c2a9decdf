-- Which browser is asking, by a cookie with 128 random bits, and which tasks are its own.

local config = require "gateway.config"
local rest = require "gateway.rest"
local store = require "gateway.store"

local browser = {}

local NAME = "aui_gateway"
local ATTRIBUTES = ("; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict"):format(config.cookie_lifetime)

-- What browsers see: a balancer in front may have taken the encryption off.
local function is_https() return (config.origin or ngx.var.scheme):find "^https" ~= nil end

-- With the prefix, browsers take the cookie from this very host alone, and over https (RFC 6265bis, 4.1.3.2).
local function cookie_name() return is_https() and "__Host-" .. NAME or NAME end

local function random_id()
  local source = assert(io.open("/dev/urandom", "rb"))
  local bytes = source:read(16)
  source:close()
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

--- The id that a browser says it has, or nil.
function browser.claimed()
  local id = ngx.var["cookie_" .. cookie_name()]
  return id and #id == 32 and id:find "^%x+$" and id or nil
end

--- The browser's id, or nil: only what this gateway gave out counts, not an id that somebody made up.
function browser.current()
  local id = browser.claimed()
  return id and store.get("browser:" .. id) and id or nil
end

--- The browser's id; one that has none gets one with this answer.
function browser.welcome()
  local id = browser.current() or random_id()
  store.set("browser:" .. id, "1", config.cookie_lifetime)
  ngx.header["Set-Cookie"] = cookie_name() .. "=" .. id .. ATTRIBUTES .. (is_https() and "; Secure" or "")
  return id
end

--- The agent's user_id of a browser; the cookie cannot be found from it.
function browser.user_id(id) return "web-" .. ngx.md5("user " .. id) end

function browser.give_task(id, task_id) store.set("owner:" .. task_id, id, config.cookie_lifetime) end

--- Whether the task belongs to whoever is asking. A task of somebody else looks like one that does not exist.
function browser.owns(task_id)
  if not rest.is_task_id(task_id) then return false end
  local id = browser.current()
  return id ~= nil and store.get("owner:" .. task_id) == id
end

return browser
