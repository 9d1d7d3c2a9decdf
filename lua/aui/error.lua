-- What failed in the words of the C core and of servers, as the table that lua/aui/error/class.lua documents.

local class = require "aui.error.class"
local host = require "aui.host"
local interrupt = require "aui.host.interrupt"
local json = require "aui.text.json"

local error_module = { new = class.new }

local LONGEST_DECODED = 1024 * 1024 -- bytes of an error payload; of a longer one only the first words are of interest
local LONGEST_PAUSE = 2 ^ 31 - 1 -- seconds, as for the engine
local LONGEST_READ = 16384 -- bytes of a text of which the first words are wanted
local MOST_ITEMS = 20 -- of a list of which the first words are wanted

-- What others say for people: without secrets, and in one line, so that a server cannot begin another one in somebody's
-- log.
local function words_of(text, mask) return interrupt.unlike(host.words(mask(text:sub(1, LONGEST_READ)))) end

-- A page's words without its tags.
local function without_tags(page)
  local parts, at = {}, 1
  while true do
    local from = page:find("<", at, true)
    local to = from and page:find(">", from, true)
    if not to then break end
    parts[#parts + 1] = page:sub(at, from - 1)
    at = to + 1
  end
  parts[#parts + 1] = page:sub(at)
  return table.concat(parts, " ")
end

-- The words of a body that is no JSON, such as a proxy's page; none of what is no text, such as a compressed one.
local function words_of_page(body, mask)
  local text = body:sub(1, LONGEST_READ)
  if text:find "[%z\1-\8\14-\26\28-\31]" then return "" end
  return words_of(without_tags(mask(text)), mask) -- a secret may have what looks like a tag, or tags in it
end

-- Where a validation error is, such as "body.text: ".
local function place_of(loc)
  if type(loc) ~= "table" then return "" end
  local names = {}
  for index = 1, math.min(#loc, MOST_ITEMS) do
    local name = loc[index]
    names[index] = tostring(json.whole(name))
  end
  return #names > 0 and table.concat(names, ".") .. ": " or ""
end

-- A list of errors: "text: field required; ...".
local function join_list(list)
  local parts = {}
  for index = 1, math.min(#list, MOST_ITEMS) do
    local item = list[index]
    if type(item) == "table" then
      local said = item.msg or item.message
      if said then parts[#parts + 1] = place_of(item.loc or { item.field }) .. tostring(said) end
    elseif type(item) == "string" then
      parts[#parts + 1] = item
    end
  end
  return table.concat(parts, "; ")
end

-- A copy of a decoded value with secrets hidden in all of its strings. The JSON text itself may have them escaped.
local function mask_strings(value, mask)
  if type(value) == "string" then return mask(value) end
  if type(value) ~= "table" then return value end
  local masked = {}
  for key, item in pairs(value) do
    masked[mask_strings(key, mask)] = mask_strings(item, mask)
  end
  return masked
end

local function text_of(value)
  if type(value) == "table" then value = join_list(value) end
  if type(value) == "string" and value ~= "" then return value end
end

-- Where an error payload has the error itself.
local function fault_in(value)
  for _, inner in ipairs { value.error or false, value.detail or false } do
    if type(inner) == "table" and #inner == 0 then return inner end
  end
  return value
end

-- What an error payload says for people, of the shapes that servers give it.
local function message_of(value, fault)
  return text_of(fault.message)
    or text_of(fault.msg)
    or text_of(value.detail)
    or text_of(value.errors)
    or text_of(value.error_description)
    or text_of(value.error)
    or text_of(value.description)
    or ""
end

local function code_of(value, mask)
  if type(value) == "string" then return words_of(value, mask) end
  return type(value) == "number" and json.whole(value) or nil
end

-- Takes from an error payload what programs may want of it.
local function take_fields(err, value, fault, mask)
  err.code = code_of(fault.code, mask) or code_of(fault.error_code, mask)
  if type(fault.request_id) == "string" then err.request_id = words_of(fault.request_id, mask) end
  if type(value.description) == "string" then err.description = words_of(value.description, mask) end
  local extra = value.extra_data or fault.details
  if type(extra) ~= "table" then return end
  err.extra_data = mask_strings(extra, mask)
  local seconds = extra.retry_after
  if type(seconds) == "number" then err.retry_after = json.whole(math.max(0, math.min(seconds, LONGEST_PAUSE))) end
end

-- The server's own words, from an error payload or from a body of another kind.
local function read_payload(err, payload, mask)
  local value = #payload <= LONGEST_DECODED and host.is_utf8(payload) and json.decode(payload)
  if type(value) ~= "table" then return words_of_page(payload, mask) end
  local fault = fault_in(value)
  take_fields(err, value, fault, mask)
  return words_of(message_of(value, fault), mask)
end

--- An error of the C core, whose raw `payload` becomes fields. `mask` hides secrets in what the server says.
---@param raw table
---@param mask fun(text: string): string
---@return aui.Error
function error_module.from_core(raw, mask)
  local payload = raw.payload
  raw.payload = nil
  raw.message = host.words(mask(raw.message))
  if payload then
    local words = read_payload(raw, payload, mask)
    if words ~= "" then raw.message = host.words(raw.message .. ": " .. words) end
  end
  raw.message = interrupt.unlike(raw.message) -- a close frame's reason may be its end
  return setmetatable(raw, class.Error)
end

return error_module
