-- Checks of what a user gives: misuse is raised at the user's line, naming the argument and what was expected.

local foreign = require "aui.option.foreign"
local host = require "aui.host"
local misuse = require "aui.host.misuse"

local check = {}

-- How many edits lead from one name to another: of a character each, or of two that are swapped (Levenshtein, Damerau).
local function distance(a, b)
  local before, row = nil, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local new = { [0] = i }
    for j = 1, #b do
      new[j] = math.min(row[j - 1] + (a:byte(i) == b:byte(j) and 0 or 1), row[j] + 1, new[j - 1] + 1)
      local is_swapped = i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j)
      if is_swapped then new[j] = math.min(new[j], before[j - 2] + 1) end
    end
    before, row = row, new
  end
  return row[#b]
end

local function nearest(name, known)
  local best, best_distance = nil, 3
  for candidate in pairs(known) do
    local d = distance(name, candidate)
    if d < best_distance or (d == best_distance and best and candidate < best) then
      best, best_distance = candidate, d
    end
  end
  return best
end

-- Which of the known names may have been meant by this one, or a field of it; nil: nobody knows.
local function meant(name, known)
  local ours = foreign[name]
  if ours and known[ours:match "^[^.]*"] ~= nil then return ours end
  return type(name) == "string" and nearest(name, known) or nil
end

-- What may be done about a name that is none of the known ones.
local function hint(name, known)
  local guess = meant(name, known)
  if guess then return ("; did you mean %q?"):format(guess) end
  local may_have_more = type(name) == "string" and known.fields ~= nil
  return may_have_more and "; further fields go under fields = { ... }" or ""
end

-- A longer string in the wrong place may be a secret.
local LONGEST_SHOWN = 24

--- What a value is, for an error message.
function check.describe(value)
  if type(value) == "string" then
    return #value > LONGEST_SHOWN and ("a string of %d bytes"):format(#value) or ("%q"):format(value)
  end
  if type(value) == "number" or type(value) == "boolean" then return tostring(value) end
  return value == nil and "nothing" or "a " .. type(value)
end

--- Raises "argument: problem".
function check.fail(argument, problem) misuse.raise(("%s: %s"):format(argument, problem)) end

--- Raises unless the method named by `call`, as "session:send", got an object of its class: a dot passes none.
function check.colon(self, class, call)
  if getmetatable(self) ~= class then
    check.fail(call:match ":(.*)$", ("call it with a colon: %s(...)"):format(call))
  end
end

--- Raises if `value` is not of the type; nil passes.
function check.type(argument, value, expected)
  if value ~= nil and type(value) ~= expected then
    check.fail(argument, ("expected a %s, got %s"):format(expected, check.describe(value)))
  end
end

--- Raises unless `value` is of the type; nil does not pass.
function check.given(argument, value, expected)
  if value == nil then check.fail(argument, ("expected a %s, got nothing"):format(expected)) end
  check.type(argument, value, expected)
end

--- Raises unless it is a time above 0; `also` says what else it may be.
function check.seconds(argument, value, also)
  if type(value) ~= "number" or not (value > 0) then
    local expected = "expected seconds (a number above 0)" .. (also or "")
    check.fail(argument, expected .. ", got " .. check.describe(value))
  end
end

--- When a wait ends that is to take so many seconds at most: by the host's clock; nil without a timeout. Raises for
--- what is none.
function check.deadline(timeout)
  if timeout == nil then return nil end
  if type(timeout) ~= "number" or not (timeout >= 0) then
    check.fail("timeout", "expected seconds (a number, 0 or more), got " .. check.describe(timeout))
  end
  return host.now() + timeout
end

--- Raises unless it is a whole number within these bounds.
function check.whole(argument, value, least, most)
  if type(value) ~= "number" or value % 1 ~= 0 or value < least or value > most then
    local words = "expected a whole number between %d and %d, got %s"
    check.fail(argument, words:format(least, most, check.describe(value)))
  end
end

-- What keeps a string from being an id; nil: nothing. "." and ".." lead elsewhere as part of an URL's path.
local function problem_of_id(id)
  if id == "" then return "expected an id, got an empty string" end
  if id == "." or id == ".." then return "expected an id, got " .. check.describe(id) end
  if id:find "%z" then return "must not contain NUL" end -- what the core has of it would end there
  if not host.is_utf8(id) then return "expected valid UTF-8" end
end

--- Whether it is a string that can be an id.
function check.is_id(value) return type(value) == "string" and not problem_of_id(value) end

--- Raises unless it is a string that can be an id; nil passes.
function check.id(argument, id)
  if id == nil then return end
  check.type(argument, id, "string")
  local problem = problem_of_id(id)
  if problem then check.fail(argument, problem) end
end

--- Raises unless it is a string that can be some text for the agent; nil passes.
function check.text(argument, text)
  if text == nil then return end
  check.type(argument, text, "string")
  if text == "" then check.fail(argument, "expected some text, got an empty string") end
  if not host.is_utf8(text) then check.fail(argument, "expected valid UTF-8") end
end

--- Raises if the table has a key that is not in `known`.
function check.names(argument, options, known)
  for name in pairs(options) do
    if known[name] == nil then
      check.fail(argument, ("unknown option %s%s"):format(check.describe(name), hint(name, known)))
    end
  end
end

return check
