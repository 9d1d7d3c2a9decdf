-- The shop of examples/love as a player meets it: in real LÖVE, with aui-sim as the agent. What a program does and sees
-- is described in spec/love/player/main.lua.

local aui = require "aui"
local game = require "spec.love.game"
local support = require "spec.support"

local LONG = ("Something to say, and then some more. "):rep(40)

describe("the shop", function()
  local server

  after_each(function()
    if server then server:stop() end
    server = nil
  end)

  local function play(program, answers) return game.play({ AUI_URL = server.url }, program, answers) end

  -- The texts that the agent has acted on.
  local function heard(log)
    local texts = {}
    for index, message in ipairs(support.logged_messages(log)) do texts[index] = message.text end
    os.remove(log)
    return texts
  end

  it("begins with the agent's welcome and its suggestions", function()
    server = support.start { "--pace", "0" }
    play [[
      await("the welcome", function() return shown():find "^Hello! I help you choose .* fits%.$" end)
      frame()
      equal(nil, made.conversation.question)
      click "Wireless headphones"
      await("the answer", is_answered)
      assert(shown():find "^I found three headphones")
    ]]
  end)

  it("goes on with a task", function()
    server = support.start { "--pace", "0" }
    local client = aui.client { url = server.url }
    local task = assert(client:create_task { user_id = "ada" })
    game.play({ AUI_URL = server.url, AUI_TASK_ID = task.id }, [[
      await("the greeting", function() return shown():find "^Good evening, and welcome back!" end)
      say "hello"
      await("the answer", is_answered)
    ]])
    assert.equal("hello", assert(client:messages(task.id))[1].text)
  end)

  it("speaks the threads API where there is a publishable key", function()
    server = support.start { "--pace", "0" }
    game.play({ AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2" }, [[
      await("the welcome", function() return shown():find "^Hello! I help you choose .* fits%.$" end)
      say "Wireless headphones"
      await("the answer", is_answered)
      assert(shown():find "^I found three headphones")
      click "Tell me more about the first one"
      await("the second answer", is_answered)
      assert(shown():find "^Here is what I know")
    ]])
  end)

  it("goes on with a thread", function()
    server = support.start { "--pace", "0" }
    local variables = { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2" }
    local client = aui.client { publishable_key = variables.AUI_PUBLISHABLE_KEY, url = variables.AUI_URL }
    local thread_id = assert(client:send_message { user_id = "ada", text = "a quiet laptop" }).thread_id
    variables.AUI_THREAD_ID = thread_id
    game.play(variables, [[
      await("the greeting", function() return shown():find "^Good evening, and welcome back!" end)
      say "hello"
      await("the answer", is_answered)
    ]])
    assert.equal("hello", assert(client:messages(thread_id))[3].text)
  end)

  it("apologises where no task can be made, and tries again", function()
    local failure = { status = 500, body = "{}" }
    server = support.play { connections = { { { agent = true } } }, rest = { failure, failure } }
    play [[
      local function failed() return made.scene.bubble:failure() end
      await("the failure", failed)
      local first = failed()
      say "hello"
      assert(failed() ~= first)
      await("the second failure", failed)
      frame()
      click "Try again"
      await("the answer", is_answered)
      assert(shown():find "^Hello! I help you choose")
      equal("hello", made.conversation.question)
    ]]
  end)

  it("shows an answer letter by letter while it comes", function()
    server = support.start {}
    play [[
      say "a built-in microwave, at least 20 liters"
      local seen, growing = { "" }, 0
      while not is_answered() do
        frame()
        local text = shown()
        if text ~= seen[#seen] then
          seen[#seen + 1] = text
          if not made.conversation.message then growing = growing + 1 end
        end
      end
      assert(growing >= 5, "states before the message: " .. growing)
      local whole = made.conversation.message.text
      for _, text in ipairs(seen) do equal(whole:sub(1, #text), text) end
    ]]
  end)

  it("takes back what the agent takes back", function()
    server = support.play {
      { receive = true }, { update = "It costs $300" }, { wait = 3 }, { update = "It costs $279" }, { message = {} },
    } -- stylua: ignore
    play [[
      say "How much?"
      await("the first price", function() return shown() == "It costs $300" end)
      await("the second", is_answered)
      equal("It costs $279", shown())
    ]]
  end)

  it("puts the products on the counter", function()
    server = support.start { "--pace", "0" }
    local told = play [[
      await("the welcome", function() return shown():find "fits%.$" end)
      say "a built-in microwave, at least 20 liters"
      await("the answer", is_answered)
      frame()
      for _, card in ipairs(made.scene.cards.list) do
        tell(card.name, card.recommended, card.facts[1].title, card.facts[1].words, card.facts[4].words)
      end
      for _ = 1, 60 do frame() end -- until they have risen
      photograph "build/love.png"
    ]]
    assert.same({
      "Nordhaus Vela 20\ttrue\tPrice\t319\tyes",
      "Nordhaus Vela 25\tfalse\tPrice\t429\tyes",
      "Kessler Crème 32\tfalse\tPrice\t559\tyes",
    }, told)
  end)

  it("writes nothing that is small or pale", function()
    server = support.start { "--pace", "0" }
    game.play({ AUI_URL = server.url, AGENT = tostring(server.pid) }, [[
      local function signal(name) os.execute("kill -" .. name .. " " .. os.getenv "AGENT") end
      await("the welcome", function() return shown():find "fits%.$" end)
      frame()
      assert_legible()
      love.mouse.setPosition(60, 492) -- a button
      signal "STOP" -- or cards might rise already, which are pale while they do
      say "a built-in microwave, at least 20 liters"
      assert_legible()
      signal "CONT"
      await("the answer", is_answered)
      for _ = 1, 60 do frame() end -- until the cards have risen
      type "And what else?"
      assert_legible()
      tell "kill it"
      await("the loss", function() return made.conversation.state == "waiting" end)
      assert_legible()
      press "escape"
      await("the farewell", function() return shown():find "^Good%-bye" end)
      assert_legible()
    ]], { ["kill it"] = function() server:kill() end })
  end)

  it("apologises in a hand that can be read", function()
    local payload = { status_code = 500, message = "Out of order" }
    server = support.play { { receive = true }, { error = payload }, { close = 1011 } }
    play [[
      say "hello"
      await("the failure", function() return made.scene.bubble:failure() end)
      frame()
      assert_legible()
    ]]
  end)

  it("sends the suggestion that is clicked, and the one whose number is pressed", function()
    local log = os.tmpname()
    server = support.start { "--pace", "0", "--log", log }
    play [[
      say "a built-in microwave, at least 20 liters"
      await("the answer", is_answered)
      click "Show me something cheaper"
      equal("Show me something cheaper", made.conversation.question)
      await("the second answer", is_answered)
      local third = made.conversation:suggestions()[3]
      type "3"
      equal(third, made.conversation.question)
      equal("", made.line.text)
      await("the third answer", is_answered)
      tell(third)
    ]]
    assert.same({ "a built-in microwave, at least 20 liters", "Show me something cheaper", "What else do you have?" },
      heard(log))
  end)

  it("edits a line of UTF-8, and sends it by Enter", function()
    local log = os.tmpname()
    server = support.start { "--echo", "--log", log }
    play [[
      press "return"
      type "   "
      press "return"
      equal(nil, made.conversation.question)
      type "Grüße, 漢字é"
      press "backspace"
      press "backspace"
      equal("   Grüße, 漢", made.line.text)
      press "return"
      equal("", made.line.text)
      await("the answer", is_answered)
      press "backspace"
    ]]
    assert.same({ "Grüße, 漢" }, heard(log))
  end)

  it("keeps the line that is typed while an answer comes", function()
    server = support.start {}
    play [[
      say "a laptop"
      await("some of it", function() return #shown() > 10 end)
      say "and headphones"
      equal("and headphones", made.line.text)
      equal("a laptop", made.conversation.question)
      await("the answer", is_answered)
      press "return"
      equal("and headphones", made.conversation.question)
    ]]
  end)

  it("apologises for a failure, and tries again by R or a click", function()
    local payload = { status_code = 500, message = "Out of order" }
    local failure = { { receive = true }, { error = payload }, { close = 1011 } }
    server = support.play { connections = { failure, failure, { { agent = true } } } }
    play [[
      local function failed() return made.scene.bubble:failure() end
      say "hello"
      await("the failure", failed)
      frame()
      assert(button "Try again")
      assert(tostring(failed()):find "Out of order")
      local first = failed()
      type "r"
      equal("", made.line.text)
      assert(failed() ~= first)
      await("the second failure", failed)
      frame()
      click "Try again"
      await("the answer", is_answered)
      assert(shown():find "^Hello! I help you choose")
    ]]
  end)

  it("offers no other try of what can only fail again", function()
    local payload = { status_code = 400, message = "Not that" }
    server = support.play { { receive = true }, { error = payload }, { close = 1008 } }
    play [[
      say "hello"
      await("the failure", function() return made.scene.bubble:failure() end)
      frame()
      equal(nil, button "Try again")
      type "r"
      equal("r", made.line.text)
    ]]
  end)

  it("goes on with an answer whose connection was cut", function()
    local answer = { text = "I found three microwaves." }
    local cut = { { receive = true }, { update = "I found" }, { record = answer }, { cut = "reset" } }
    server = support.play { connections = { cut, { { agent = true } } } }
    play [[
      say "a microwave"
      await("the answer", is_answered)
      equal("I found three microwaves.", shown())
    ]]
  end)

  it("outlives a server that dies in the middle of an answer, and comes back", function()
    server = support.start {}
    play([[
      say "a built-in microwave, at least 20 liters"
      await("some of it", function() return #shown() > 10 end)
      tell "kill it"
      await("the loss", function() return made.conversation.state == "waiting" end)
      assert(made.conversation.retry_in)
      tell "start it again"
      await("the apology", function() return made.scene.bubble:failure() end)
      equal("open", made.conversation.state)
      type "R"
      await("the answer", is_answered)
      assert(shown():find "^I found three microwaves")
    ]], {
      ["kill it"] = function() server:kill() end,
      ["start it again"] = function() server:restart() end,
    })
  end)

  it("scrolls a long answer, whose end it shows unless the player looks elsewhere", function()
    server = support.play { { receive = true }, { message = { text = LONG } } }
    play [[
      local reading = made.scene.bubble.reading
      say "Tell me all"
      await("the answer", is_answered)
      await("its end", function() return reading.follows and reading.top > 17 end)
      local furthest = reading.top
      love.mouse.setPosition(600, 200)
      love.event.push("wheelmoved", 0, 3)
      frame()
      assert(reading.top < furthest and not reading.follows)
      local top = reading.top
      for _ = 1, 20 do frame() end
      equal(top, reading.top)
      love.event.push("wheelmoved", 0, -100)
      frame()
      assert(reading.follows)
    ]]
  end)

  it("shows earlier answers and their products by page keys or the wheel, until the player speaks", function()
    server = support.start { "--pace", "0" }
    play [[
      local function reads(words)
        frame()
        assert(legible():find(words, 1, true), words .. " is not to be read in:\n" .. legible())
      end
      local function wheel(turns)
        love.mouse.setPosition(600, 200)
        love.event.push("wheelmoved", 0, turns)
        frame()
      end
      await("the welcome", function() return shown():find "fits%.$" end)
      assert(not legible():find "Page Up")
      say "a built-in microwave, at least 20 liters"
      await("the first answer", is_answered)
      say "Wireless headphones"
      await("the second answer", is_answered)
      reads "Page Up: earlier"
      press "pageup"
      reads "You: a built-in microwave, at least 20 liters"
      reads "I found three microwaves that fit."
      reads "2 of 3 - Page Down: later"
      for _ = 1, 60 do frame() end -- until the products have risen
      reads "Nordhaus Vela 20"
      assert_legible()
      wheel(1)
      reads "Hello! I help you choose"
      reads "1 of 3 - Page Down: later"
      press "pageup"
      reads "1 of 3 - Page Down: later"
      wheel(-1)
      reads "2 of 3 - Page Down: later"
      press "pagedown"
      reads "I found three headphones"
      press "pageup"
      say "Show me something cheaper"
      reads "You: Show me something cheaper"
      reads "Page Up: earlier"
    ]]
  end)

  it("is left in the middle of an answer, when the server has been told", function()
    server = support.start {}
    play [[
      say "a laptop"
      await("some of it", function() return #shown() > 10 end)
      press "escape"
      await("the end of the connection", function() return made.conversation:is_over() end)
      equal("closed", made.conversation.session:state())
      equal(nil, made.conversation.message)
      await("the farewell", function() return shown():find "^Good%-bye" end)
    ]]
  end)

  it("is left while there is no server", function()
    server = support.start {}
    server:kill()
    play [[
      await("the failure", function() return made.conversation.state == "waiting" end)
    ]]
  end)

  it("streams 20,000 updates, and tells what a frame took", function()
    server = support.start { "--tokens", "20000", "--token-bytes", "1" }
    local told = play [[
      local times = measure()
      say "go"
      await("the answer", is_answered)
      assert(made.conversation.message.text ~= "")
      for _, what in ipairs { "aui.step", "update", "draw" } do
        local list = times[what]
        table.sort(list)
        local median, longest = list[math.ceil(#list / 2)], list[#list]
        tell(("figure: %s in each of %d frames: median %.2f ms, longest %.2f ms"):format(
          what, #list, median * 1000, longest * 1000))
      end
    ]]
    assert.equal(3, #told)
    for _, line in ipairs(told) do print("\n" .. line) end
  end)

  it("brings its own agent where none is named", function()
    local told = game.play({}, [[
      say "hello"
      await("the answer", is_answered)
      tell(shown():match "^%a+")
    ]])
    assert.same({ "Hello" }, told)
  end)
end)
