-- What goes out and comes in is the same JSON whatever the program around it does: to the locale, or to globals.

local aui = require "aui"
local child = require "spec.child"
local lfs = require "lfs"
local support = require "spec.support"

describe("#native in another locale", function()
  local directory, mirror, server

  setup(function()
    directory = os.tmpname()
    os.remove(directory)
    lfs.mkdir(directory)
    for _, name in ipairs { "de_DE", "tr_TR" } do
      os.execute(("localedef -i %s -f UTF-8 %s/%s.UTF-8 >/dev/null 2>&1"):format(name, directory, name))
    end
  end)

  teardown(function() os.execute("rm -r " .. directory) end)

  -- Asks a server that tells what it was sent, and one whose answer has a number, in changing locales.
  local PROGRAM = [[
    local first, second, mirror, server = ...
    assert(os.setlocale(first))
    local aui = require "aui"
    local teller = assert(aui.connect { url = mirror, task_id = "t" })
    local seller = assert(aui.connect { url = server, task_id = "t" })
    for _, locale in ipairs { second, first, second } do
      assert(os.setlocale(locale))
      local said = assert(teller:ask { text = "q", context = { number = 1.5 } }).text
      local price = assert(seller:ask "q").price
      os.setlocale "C"
      print(said:match "number[^,}]*", price)
    end
    teller:close()
    seller:close()
  ]]

  for _, order in ipairs { { "C", "de_DE.UTF-8" }, { "de_DE.UTF-8", "C" } } do
    it(("JSON has decimal points: %s"):format(table.concat(order, ", then ")), function()
      if not lfs.attributes(directory .. "/de_DE.UTF-8") then return pending "this system has no sources of locales" end
      local steps = {}
      for _ = 1, 3 do
        steps[#steps + 1] = { receive = true }
        steps[#steps + 1] = { message = { text = "fine", price = 1234.5 } }
      end
      mirror, server = support.mirror(), support.play(steps)
      local ran = child.run(PROGRAM, { env = { LOCPATH = directory } }, order[1], order[2], mirror.url, server.url)
      mirror:stop()
      server:stop()
      assert.equal(('number\\":1.5\t1234.5\n'):rep(3), ran.stdout, ran.stderr)
    end)
  end

  -- In Turkish the small letter of I is another one than i.
  it("capitals are the same letters", function()
    if not lfs.attributes(directory .. "/tr_TR.UTF-8") then return pending "this system has no sources of locales" end
    server = support.play { { receive = true }, { raw = "81 04 50 49 4e 47" }, { message = { text = "fine" } } } -- PING
    local ran = child.run(
      [[
        assert(os.setlocale "tr_TR.UTF-8")
        local session = assert(require("aui").connect { url = ..., task_id = "t" })
        print(assert(session:ask "q").text)
        session:close()
      ]],
      { env = { LOCPATH = directory } },
      server.url
    )
    server:stop()
    assert.equal("fine\n", ran.stdout, ran.stderr)
  end)
end)

describe("a message", function()
  local server

  before_each(function() server = support.mirror() end)
  after_each(function() server:stop() end)

  it("arrives with every character as it is, in JSON without any that must be escaped", function()
    local bytes = {}
    for byte = 0, 127 do bytes[byte + 1] = string.char(byte) end
    local all = table.concat(bytes) .. "\195\169\226\130\172\240\159\152\128\226\128\168"
    local session = assert(aui.connect { url = server.url, task_id = "t" })
    local said = support.said(assert(session:ask { text = all, context = { [all] = { all, "\\u0041" } } }))
    session:close()
    assert.equal(all, said.message.text)
    assert.same({ [all] = { all, "\\u0041" } }, said.message.context)
    assert.is_nil(said.json:find "[%z\1-\31]")
  end)
end)

describe("#native the module", function()
  -- Reading a global that is not there raises, as with Penlight's pl.strict.
  local STRICT = [[
    setmetatable(_G, {
      __index = function(_, name) error("variable '" .. name .. "' is not declared", 2) end,
      __newindex = function(_, name) error("assignment to undeclared variable '" .. name .. "'", 2) end,
    })
  ]]
  -- As in test suites of code for nginx.
  local STAND_IN = "ngx = { null = false, log = print }\n"
  local ASK = [[
    local aui = require "aui"
    local session = assert(aui.connect { url = (...), task_id = "t" })
    local reply = session:send "hello"
    reply:on("message", function() error "raised by a handler" end)
    print(assert(reply:message()).text)
    aui.step(20) -- until nothing is due
    session:close()
    print(pcall(require, "resty.aui"))
  ]]

  for what, prologue in pairs { ["forbids undeclared globals"] = STRICT, ["has a global ngx"] = STAND_IN } do
    it(("works in a program that %s"):format(what), function()
      local server = support.start { "--pace", "0", "--echo" }
      local ran = child.run(prologue .. ASK, {}, server.url)
      server:stop()
      assert.is_truthy(ran.stdout:find "^hello\nfalse\t.*this is not nginx", ran.stdout .. ran.stderr)
      assert.is_truthy(ran.stderr:find("raised by a handler", 1, true), ran.stderr)
      assert.equal(0, ran.status)
    end)
  end
end)
