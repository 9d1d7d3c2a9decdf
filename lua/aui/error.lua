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
  local masked = mask(text) -- before and after: a secret may have what looks like a tag, or tags in it
  local shown = without_tags(masked)
  return shown == masked and host.words(masked) or words_of(shown, mask)
end

-- What a payload has for people, as words: a number may be a secret.
local function told(value, mask)
  if type(value) == "number" then value = mask(json.whole(value)) end
  return tostring(value)
end

-- Where a validation error is, such as "body.text: ".
local function place_of(loc, mask)
  if type(loc) ~= "table" then return "" end
  local names = {}
  for index = 1, math.min(#loc, MOST_ITEMS) do
    names[index] = told(loc[index], mask)
  end
  return #names > 0 and table.concat(names, ".") .. ": " or ""
end

-- A list of errors: "text: field required; ...".
local function join_list(list, mask)
  local parts = {}
  for index = 1, math.min(#list, MOST_ITEMS) do
    local item = list[index]
    if type(item) == "table" then
      local said = item.msg or item.message
      if said then parts[#parts + 1] = place_of(item.loc or { item.field }, mask) .. told(said, mask) end
    elseif type(item) == "string" then
      parts[#parts + 1] = item
    end
  end
  return table.concat(parts, "; ")
end

-- A copy of a decoded value with secrets hidden in all of its strings and numbers. The JSON text itself may have them
-- escaped. A number that is a key is only a place in a list.
local function mask_values(value, mask)
  local kind = type(value)
  if kind == "string" or kind == "number" then return mask(value) end
  if kind ~= "table" then return value end
  local masked = {}
  for key, item in pairs(value) do
    if type(key) == "string" then key = mask(key) end
    masked[key] = mask_values(item, mask)
  end
  return masked
end

local function text_of(value, mask)
  if type(value) == "table" then value = join_list(value, mask) end
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
local function message_of(value, fault, mask)
  return text_of(fault.message, mask)
    or text_of(fault.msg, mask)
    or text_of(value.detail, mask)
    or text_of(value.errors, mask)
    or text_of(value.error_description, mask)
    or text_of(value.error, mask)
    or text_of(value.description, mask)
    or ""
end

local function code_of(value, mask)
  if type(value) == "string" then return words_of(value, mask) end
  return type(value) == "number" and mask(json.whole(value)) or nil
end

-- How long a server asks to wait; nil: it does not, or what it says is a secret.
local function pause_of(seconds, mask)
  if type(seconds) ~= "number" or type(mask(seconds)) ~= "number" then return nil end
  return json.whole(math.max(0, math.min(seconds, LONGEST_PAUSE)))
end

-- Takes from an error payload what programs may want of it.
local function take_fields(fields, value, fault, mask)
  fields.code = code_of(fault.code, mask) or code_of(fault.error_code, mask)
  if type(fault.request_id) == "string" then fields.request_id = words_of(fault.request_id, mask) end
  if type(value.description) == "string" then fields.description = words_of(value.description, mask) end
  local extra = value.extra_data or fault.details
  if type(extra) ~= "table" then return end
  fields.extra_data = mask_values(extra, mask)
  fields.retry_after = pause_of(extra.retry_after, mask)
end

-- The server's own words, from an error payload or from a body of another kind.
local function read_payload(fields, payload, mask)
  local value = #payload <= LONGEST_DECODED and host.is_utf8(payload) and json.decode(payload)
  if type(value) ~= "table" then return words_of_page(payload, mask) end
  local fault = fault_in(value)
  take_fields(fields, value, fault, mask)
  return words_of(message_of(value, fault, mask), mask)
end

-- A session tells of the same failure again and again: to handlers, to a log, to who waits for its reply. What was read
-- of the latest payload is remembered by mask for as long as there is an error that has it.
local latest = setmetatable({}, { __mode = "kv" })
local readings = setmetatable({}, { __mode = "k" }) -- by error

-- `version` changes when the mask has more to hide.
local function reading_of(payload, mask, version)
  local known = latest[mask]
  if known and known.payload == payload and known.version == version then return known end
  local reading = { payload = payload, version = version, fields = {} }
  reading.words = read_payload(reading.fields, payload, mask)
  if #payload <= LONGEST_DECODED then latest[mask] = reading end
  return reading
end

--- An error of the C core, whose raw `payload` becomes fields. `mask` hides secrets in what the server says; see
--- aui.secret. Errors of the same payload share its extra_data.
---@param raw table
---@param mask fun(value: string|number): string|number
---@param version? integer another one when the mask hides more than before
---@return aui.Error
function error_module.from_core(raw, mask, version)
  local payload = raw.payload
  raw.payload = nil
  raw.message = host.words(mask(raw.message))
  raw.retry_after = pause_of(raw.retry_after, mask)
  if payload then
    local reading = reading_of(payload, mask, version)
    for name, value in pairs(reading.fields) do raw[name] = value end
    if reading.words ~= "" then raw.message = host.words(raw.message .. ": " .. reading.words) end
    readings[raw] = reading
  end
  raw.message = interrupt.unlike(raw.message) -- a close frame's reason may be its end
  return setmetatable(raw, class.Error)
end

return error_module
