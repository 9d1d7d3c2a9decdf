-- What documentation says by what stands elsewhere is what stands there, and it has all that a module shows.

local aui = require "aui"
local rows = require "aui.option.rows"
local support = require "spec.support"
local write = require "docs.write"

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

describe("what is written in", function()
  for path, text in pairs(write.texts()) do
    it(path .. " is what its sources say (to renew it: lua5.4 docs/write.lua)", function()
      assert.equal(text, read_file(path))
    end)
  end
end)

-- The functions that a module shows, and those that the page has of it, as one text each.
local function shown_by(module)
  local names = {}
  for name, value in pairs(module) do
    if type(value) == "function" then names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, " ")
end

local function told_of(prefix)
  local names = {}
  for name in read_file("docs/api.md"):gmatch("\n### `" .. prefix .. "%.([%w_]+)%(") do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, " ")
end

describe("the page of functions has all, and no others, #native", function()
  for prefix, name in pairs { aui = "aui", message = "aui.message", test = "aui.test", poll = "aui.adapter.poll" } do
    it("of " .. name, function() assert.equal(shown_by(require(name)), told_of(prefix)) end)
  end
end)

describe("the defaults for C, #native", function()
  local macro = read_file("src/engine/aui.h"):match "#define AUI_SESSION_DEFAULTS(.-)\n\n"
  local defaults = {}
  for _, row in ipairs(rows.session) do
    if row.core then defaults[row.core] = row.default end
  end

  local function of_c(name)
    local number, shift = macro:match("%." .. name .. " = (%d+) ?<?<? ?(%d*)")
    return tonumber(number) * 2 ^ (tonumber(shift) or 0)
  end

  it("are those of Lua's options", function()
    for _, name in ipairs { "queue_messages", "queue_bytes", "max_response_head", "max_message", "max_depth" } do
      assert.equal(defaults[name], of_c(name), name)
    end
    assert.equal(defaults.connect_timeout * 1000, of_c "connect_timeout")
    local interval, timeout = macro:match "%.ping = {(%d+), (%d+)}"
    assert.equal(defaults.ping_interval * 1000, tonumber(interval))
    assert.equal(defaults.ping_timeout * 1000, tonumber(timeout))
  end)
end)

-- The fields that the page has of a class.
local function fields_of(class)
  local fields = {}
  local lines = read_file("docs/api.md"):match("\n##+ " .. class .. "\n(.-)\n##")
  for name in lines:gmatch "\n| `([%w_]+)` |" do fields[name] = true end
  return fields
end

local function names_of(fields)
  local names = {}
  for name in pairs(fields) do names[name] = true end
  return names
end

it("the page of classes has each figure of a session, and no others", function()
  local server = support.start()
  finally(function() server:stop() end)
  local session = assert(aui.connect { url = server.url, task_id = "x" })
  assert(session:ask "a quiet laptop")
  assert.same(fields_of "aui.SessionStats", names_of(session:stats()))
  session:close()
end)

it("the page of classes has each field of an error", function()
  local details = { status_code = 500, message = "no", description = "why", extra_data = { retry_after = 1 } }
  local server = support.play { { receive = true }, { update = "I" }, { error = details }, { close = 1011 } }
  finally(function() server:stop() end)
  local session = assert(aui.connect { url = server.url, task_id = "x" })
  local _, err = session:ask "a quiet laptop"
  assert.equal("server", err.kind)
  for name in pairs(err) do assert.is_true(fields_of("aui.Error")[name], name) end
  session:close()
end)
