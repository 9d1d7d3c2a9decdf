-- Host names beyond ASCII as the name system has them: "xn--" and their letters by numbers (RFC 3492, RFC 5890).
-- Nothing but ASCII is made lower case, nor are characters normalised: the result is for people to look at.

local ascii = require "aui.text.ascii"

local punycode = {}

local BASE, T_MIN, T_MAX, SKEW, DAMP, FIRST_BIAS, FIRST_CODE = 36, 1, 26, 38, 700, 72, 128
local DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"

local function digit(value) return DIGITS:sub(value + 1, value + 1) end

local function code_of(character)
  local lead = character:byte()
  if lead < 128 then return lead end
  local code = lead % 2 ^ (7 - #character)
  for index = 2, #character do code = code * 64 + character:byte(index) % 64 end
  return code
end

local function adapt(delta, count, is_first)
  delta = math.floor(delta / (is_first and DAMP or 2))
  delta = delta + math.floor(delta / count)
  local steps = 0
  while delta > (BASE - T_MIN) * T_MAX / 2 do
    delta = math.floor(delta / (BASE - T_MIN))
    steps = steps + BASE
  end
  return steps + math.floor((BASE - T_MIN + 1) * delta / (delta + SKEW))
end

-- A number in digits of variable weight.
local function digits_of(number, bias)
  local digits, k = {}, BASE
  while true do
    local threshold = math.max(T_MIN, math.min(T_MAX, k - bias))
    if number < threshold then break end
    digits[#digits + 1] = digit(threshold + (number - threshold) % (BASE - threshold))
    number = math.floor((number - threshold) / (BASE - threshold))
    k = k + BASE
  end
  digits[#digits + 1] = digit(number)
  return table.concat(digits)
end

local function smallest_from(codes, least)
  local smallest = math.huge
  for _, code in ipairs(codes) do
    if code >= least then smallest = math.min(smallest, code) end
  end
  return smallest
end

local function encode(label)
  local codes, out = {}, {}
  for character in label:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
    codes[#codes + 1] = code_of(character)
    if codes[#codes] < FIRST_CODE then out[#out + 1] = character end
  end
  local basic = #out
  local done, delta, bias, code = basic, 0, FIRST_BIAS, FIRST_CODE
  if basic > 0 then out[#out + 1] = "-" end
  while done < #codes do
    local next_code = smallest_from(codes, code)
    delta, code = delta + (next_code - code) * (done + 1), next_code
    for _, c in ipairs(codes) do
      if c < code then delta = delta + 1 end
      if c == code then
        out[#out + 1] = digits_of(delta, bias)
        bias = adapt(delta, done + 1, done == basic)
        delta, done = 0, done + 1
      end
    end
    delta, code = delta + 1, code + 1
  end
  return table.concat(out)
end

--- The host name in ASCII. Takes steps that grow with the square of a label's length.
---@param name string UTF-8
function punycode.host(name)
  return (ascii.lower(name):gsub("[^.]+", function(label)
    return label:find "[\128-\255]" and "xn--" .. encode(label) or label
  end))
end

return punycode
