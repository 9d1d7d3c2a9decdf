-- What programs want to know of an agent's message (ExternalTaskMessage) beyond its text. Pure functions, which take
-- any table that was a message once: one that was written to a file and read again, too.

local ascii = require "aui.text.ascii"
local check = require "aui.option.check"
local history = require "aui.recovery.history"
local json = require "aui.text.json"

---@class (exact) aui.Parameter
---@field title string what it is called, such as "Capacity"
---@field value any a string, number (where it is whole an integer), boolean or table
---@field type? string as the agent calls it: "numeric", "string", "boolean", "enum", "date", ...

---@class (exact) aui.Product
---@field name string "?" where nothing names it
---@field recommended boolean
---@field price? number|string
---@field url? string of a page about it
---@field image? string the URL of a picture
---@field parameters aui.Parameter[] in the agent's order
---@field values table<string, any> their values by title; of two with one title, the first

local message = {}

-- Newer agents list products as cards, older ones as options.
local LISTS = { "cards", "options", "variants_options" }

local PRICE = { price = true }
local PAGE = { url = true, link = true, ["product url"] = true, ["product link"] = true }
local PICTURE = { image = true, picture = true, photo = true, ["image url"] = true, ["picture url"] = true }

local function is_text(value) return type(value) == "string" and value ~= "" end

-- lua-cjson's null is a userdata.
local function is_value(value) return value ~= nil and type(value) ~= "userdata" end

local function is_address(value) return type(value) == "string" and value:find "^[Hh][Tt][Tt][Pp][Ss]?://" ~= nil end

local function is_price(value) return type(value) == "number" or is_text(value) end

-- The agent's words for what it is, in a form to look up.
local function key_of(title) return ascii.lower(title):gsub("[_%s]+", " ") end

local function title_of(parameter)
  for _, field in ipairs { "title", "name", "param" } do
    if is_text(parameter[field]) then return parameter[field] end
  end
  return "?"
end

-- Cards of the threads API have an object of values, whose order is lost: by name, then.
local function parameters_of_entity(entity)
  local titles, parameters = {}, {}
  for title in pairs(entity) do
    if type(title) == "string" and is_value(entity[title]) then titles[#titles + 1] = title end
  end
  table.sort(titles)
  for index, title in ipairs(titles) do parameters[index] = { title = title, value = json.whole(entity[title]) } end
  return parameters
end

local function parameters_of(item)
  local given = item.parameters or item.widget_parameters
  local entity = type(item.json_data) == "table" and item.json_data.entity
  if type(given) ~= "table" then return type(entity) == "table" and parameters_of_entity(entity) or {} end
  local parameters = {}
  for _, one in ipairs(given) do
    if type(one) == "table" and is_value(one.value) then
      local kind = is_text(one.type) and one.type or nil
      parameters[#parameters + 1] = { title = title_of(one), value = json.whole(one.value), type = kind }
    end
  end
  return parameters
end

-- The first parameter whose title is one of these, with a value that will do.
local function value_of(parameters, titles, will_do)
  for _, parameter in ipairs(parameters) do
    if titles[key_of(parameter.title)] and will_do(parameter.value) then return parameter.value end
  end
end

local function name_of(item, parameters)
  if is_text(item.name) then return item.name end
  if is_text(item.title) then return item.title end
  for _, parameter in ipairs(parameters) do
    if is_text(parameter.value) and not is_address(parameter.value) then return parameter.value end
  end
  return "?"
end

local function product_of(item)
  local parameters, values = parameters_of(item), {}
  for _, parameter in ipairs(parameters) do
    if values[parameter.title] == nil then values[parameter.title] = parameter.value end
  end
  return {
    name = name_of(item, parameters),
    recommended = item.is_recommended == true,
    price = value_of(parameters, PRICE, is_price),
    url = value_of(parameters, PAGE, is_address),
    image = value_of(parameters, PICTURE, is_address),
    parameters = parameters,
    values = values,
  }
end

local function check_message(given) check.given("message", given, "table") end

--- The products of a message, in its order; in one shape, whichever way the agent lists them.
---@param given aui.AgentMessage
---@return aui.Product[]
function message.products(given)
  check_message(given)
  local products = {}
  for _, name in ipairs(LISTS) do
    for _, item in ipairs(type(given[name]) == "table" and given[name] or {}) do
      if type(item) == "table" then products[#products + 1] = product_of(item) end
    end
    if products[1] then break end
  end
  return products
end

--- Those of its products that the agent recommends.
---@param given aui.AgentMessage
---@return aui.Product[]
function message.recommended(given)
  check_message(given)
  local recommended = {}
  for _, product in ipairs(message.products(given)) do
    if product.recommended then recommended[#recommended + 1] = product end
  end
  return recommended
end

---@class (exact) aui.Question
---@field text string what the user wrote
---@field after? string the id of the newest answer known before that; nil if there was none

--- Where the agent's answer to a message that has arrived is among a task's messages (client:messages,
--- session:history): for programs that ended, or lost their connection, before they had it. Else nil, and "unanswered"
--- as long as it is not there, or "unclear" where the messages do not tell which it is.
---@param messages aui.AgentMessage[] oldest first
---@param question aui.Question
---@return integer? index
---@return "unanswered"|"unclear"|nil why
function message.find_answer(messages, question)
  check.given("messages", messages, "table")
  check.given("question", question, "table")
  check.names("question", question, { text = true, after = true })
  check.given("text", question.text, "string")
  check.type("after", question.after, "string")
  local sought = { text = question.text, last_id = question.after, begun = true }
  local verdict, index = history.find(messages, sought)
  if verdict == "answered" then return index end
  return nil, verdict
end

-- Days from 1970-01-01 to a date of the Gregorian calendar.
local function days_to(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local of_years = 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return of_years + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

-- Seconds by which local time is ahead of UTC: of "", "Z", "+02:00", "+0200", "+02"; nil for anything else.
local function offset_of(zone)
  if zone == "" or zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = zone:match "^([+-])(%d%d):?(%d?%d?)$"
  if not sign or #minutes == 1 then return nil end
  local offset = tonumber(hours) * 3600 + (tonumber(minutes) or 0) * 60
  return sign == "-" and -offset or offset
end

--- When the message was written, by its `created_at`: seconds since 1970-01-01 UTC, with a fraction; nil where it does
--- not say (RFC 3339; a blank may stand for its "T", and a time without a zone is UTC).
---@param given aui.AgentMessage
---@return number?
function message.time(given)
  check_message(given)
  local text = given.created_at
  if type(text) ~= "string" or #text > 64 then return nil end
  local year, month, day, hour, minute, second, rest =
    text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(.*)$"
  if not year then return nil end
  local digits, zone = rest:match "^%.(%d+)(.*)$"
  local offset = offset_of(zone or rest)
  month, day, hour, minute, second = tonumber(month), tonumber(day), tonumber(hour), tonumber(minute), tonumber(second)
  local is_time = month >= 1 and month <= 12 and day >= 1 and day <= 31 and hour < 24 and minute < 60 and second <= 60
  if not (offset and is_time) then return nil end
  local days = days_to(tonumber(year), month, day)
  local fraction = digits and tonumber(digits) / 10 ^ #digits or 0 -- "0.5" is no number in every locale
  return days * 86400 + hour * 3600 + minute * 60 + second + fraction - offset
end

return message
