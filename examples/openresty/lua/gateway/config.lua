-- The gateway's settings, from the environment; nginx.conf names the variables that it lets through to the workers.

local function number(name, default, least, most)
  local value = os.getenv(name)
  if value == nil or value == "" then return default end
  local parsed = tonumber(value)
  if not parsed or not (parsed >= least and parsed <= most) then
    error(("%s: expected a number from %g to %g, got %q"):format(name, least, most, value), 0)
  end
  return parsed
end

local function text(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local DEFAULT_PORTS = { http = ":80", https = ":443" } -- which browsers leave out

-- Whether browsers write it so in the field Origin: anything else would match none of them.
local function is_origin(value)
  local scheme, port = value:match "^(https?)://[%l%d._-]+(:?%d*)$"
  if not scheme then
    scheme, port = value:match "^(https?)://%[[%l%d:.]+%](:?%d*)$"
  end
  if not scheme or port == DEFAULT_PORTS[scheme] then return false end
  return port == "" or (port:find "^:[1-9]" ~= nil and tonumber(port:sub(2)) < 65536)
end

local function origin(name)
  local value = text(name)
  if value and not is_origin(value) then
    error(('%s: expected an origin such as "https://shop.example", got %q'):format(name, value), 0)
  end
  return value
end

-- Origins apart by blanks, or "https:" for all that have that scheme; they become part of a header.
local function origins(name)
  local list = {}
  for value in (text(name) or ""):gmatch "%S+" do
    if value ~= "https:" and not (is_origin(value) and value:find "^https:") then
      error(('%s: expected "https:", or origins such as "https://images.example", got %q'):format(name, value), 0)
    end
    list[#list + 1] = value
  end
  return list
end

local page_origin = origin "GATEWAY_ORIGIN"
local rest_timeout = 20 -- seconds, for a call with all its attempts

-- The name of a host in an origin: no scheme, no port.
local function host_of(value) return value:match "^%a+://(%[[^%]]*%])" or value:match "^%a+://([^:]+)" end

return {
  -- Options of aui.client, which reads the key itself: AUI_NETWORK_API_KEY or AUI_PUBLISHABLE_KEY.
  agent = function()
    return {
      url = text "AUI_URL",
      region = text "AUI_REGION",
      timeout = { connect = 10, first = 60, idle = 60, total = 300, call = rest_timeout }, -- seconds
      retries = 0, -- a browser tries again, and is told when
      max_message = 512 * 1024, -- bytes
      max_response_body = 2 * 1024 * 1024, -- bytes, of a task's messages
    }
  end,
  redis = text "AUI_REDIS", -- "host:port"; nil: what is kept is kept in this machine's memory
  origin = page_origin, -- such as "https://shop.example"; nil: whatever the Host field says
  host = page_origin and host_of(page_origin), -- by which it is called, beside the names of this machine
  rate = number("GATEWAY_RATE", 60, 1, 1e6), -- calls a minute that one client may make
  -- Seconds that an answer goes on without its browser, which may come back for it.
  grace = number("GATEWAY_GRACE", 5, 0, 300),
  resume_patience = 60, -- seconds that a browser that came back is kept waiting
  -- Seconds between signs of life on a stream. After 45 the page takes a silent connection for a dead one.
  heartbeat = number("GATEWAY_HEARTBEAT", 15, 0.1, 30),
  pictures = origins "GATEWAY_PICTURES", -- from which the page may show them
  max_text = 8000, -- bytes of a user's message
  max_task = 64 * 1024, -- bytes of a new task, which may take six times as much in JSON again
  rest_timeout = rest_timeout,
  cookie_lifetime = 30 * 24 * 3600, -- seconds; a task is its browser's for as long,
  empty_lifetime = 24 * 3600, -- and for as long before its first message
}
