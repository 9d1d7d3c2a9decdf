-- The programs of examples/cookbook, each in its real host, against aui-sim.

local cjson = require "cjson"
local lfs = require "lfs"
local person = require "spec.examples.person"
local support = require "spec.support"

local build_dir = assert(os.getenv "AUI_BUILD", "AUI_BUILD: expected the build's directory")

describe("the cookbook's", function()
  local server
  local by_threads -- whether the programs have a key of the threads API

  before_each(function() by_threads = false end)
  after_each(function()
    if server then person.stop(server) end
    server = nil
  end)

  local function environment()
    if not by_threads then return { AUI_URL = server.url } end
    return { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2" }
  end

  -- The same as a shell's assignments.
  local function assignments()
    local words = {}
    for name, value in pairs(environment()) do words[#words + 1] = ("%s='%s'"):format(name, value) end
    return table.concat(words, " ")
  end

  local function start(program, arguments, columns, url)
    return person.start("cookbook/" .. program, arguments, columns, url and { AUI_URL = url } or environment())
  end

  it("programs go to the service with a key where variables are empty", function()
    local env = { AUI_URL = "", AUI_NETWORK_API_KEY = "", AUI_PUBLISHABLE_KEY = "" }
    for _, name in ipairs { "bot", "ask", "many" } do
      local program = person.start("cookbook/" .. name, { "a", "b" }, nil, env)
      assert.equal(1, program:finish(), name)
      assert.matches("api_key: expected it or publishable_key", program.errors, 1, true)
    end
  end)

  it("programs that lack a word say how they are used", function()
    for name, words in pairs { bot = "USER QUESTION", ask = "QUESTION", traces = "FILE QUESTION" } do
      local program = person.start("cookbook/" .. name, {}, nil, { AUI_URL = "ws://127.0.0.1:1" })
      assert.equal(2, program:finish())
      assert.equal(("usage: %s.lua %s\n"):format(name, words), program.errors)
    end
  end)

  describe("bot", function()
    local function say(user, question)
      local bot = start("bot", { user, question })
      assert.equal(0, bot:exit_status(), bot.errors)
      return bot.output
    end

    it("goes on with each user's own conversation in the next run", function()
      server = support.start { "--pace", "0" }
      assert.matches("^Hello! .*\nI found three headphones", say("ada", "Wireless headphones"))
      assert.matches("^Hello! .*\nI found two laptops", say("bob", "a laptop under $1000"))
      assert.matches("^Here is what I know about the Lyra Mini", say("ada", "Tell me more about the first one"))
    end)
  end)

  describe("traces", function()
    -- What JSON of OTLP has in place of bytes, of 64-bit numbers and of a union.
    local function check_span(span)
      assert.matches("^%x+$", span.traceId)
      assert.same({ 32, 16 }, { #span.traceId, #span.spanId })
      local from, to = span.startTimeUnixNano, span.endTimeUnixNano
      assert.matches("^%d+$", from .. to)
      assert.is_true(#from == #to and from <= to)
      for _, attribute in ipairs(span.attributes or {}) do
        local kind, value = next(attribute.value)
        local expected = kind == "boolValue" and "boolean" or kind == "doubleValue" and "number" or "string"
        assert.equal(expected, type(value), attribute.key)
      end
    end

    it("writes the spans of one trace, without the question", function()
      server = support.start { "--pace", "0" }
      local path = os.tmpname()
      local traces = start("traces", { path, "a quiet laptop" })
      assert.equal(0, traces:exit_status(), traces.errors)
      assert.matches("Tamarin", traces.output)
      local names, root = {}, nil
      for line in io.lines(path) do
        assert.is_nil(line:find "quiet")
        local resource = cjson.decode(line).resourceSpans[1]
        local span = resource.scopeSpans[1].spans[1]
        check_span(span)
        root = root or span.parentSpanId
        assert.equal(root, span.parentSpanId or span.spanId)
        names[#names + 1] = span.name
      end
      os.remove(path)
      assert.same({ "aui call", "aui connect", "aui send", "question" }, names)
    end)
  end)

  describe("ask", function()
    it("prints the answer alone", function()
      server = support.start { "--echo" }
      local ask = start("ask", { "two", "words" })
      assert.equal(0, ask:exit_status())
      assert.equal("two words\n", ask.output)
      assert.equal("", ask.errors)
    end)

    it("does so by the threads API", function()
      by_threads = true
      server = support.start { "--echo" }
      local ask = start("ask", { "two", "words" })
      assert.equal(0, ask:exit_status(), ask.errors)
      assert.equal("two words\n", ask.output)
    end)

    it("turns a sign on a terminal until the answer is there", function()
      server = support.play { { receive = true }, { wait = 1 }, { message = { text = "Here" } } }
      local ask = start("ask", { "Hello" }, 80)
      ask:see "/"
      ask:see "-"
      assert.equal(0, ask:exit_status())
      assert.equal("Here\n", ask.screen:text())
    end)

    it("tells by its exit status what went wrong", function()
      for code, status in pairs { [401] = 3, [400] = 4, [500] = 6 } do
        local failure = { error = { status_code = code, message = "No" } }
        server = support.play { { receive = true }, failure, { close = 1008 } }
        local ask = start("ask", { "Hello" })
        assert.equal(status, ask:exit_status(), "of " .. code)
        assert.matches("^%l+: [^\n]*No[^\n]*\n$", ask.errors)
        person.stop(server)
        server = nil
      end
      local ask = start("ask", { "Hello" }, nil, "ws://127.0.0.1:1/api/v1/external/session")
      assert.equal(7, ask:exit_status())
      local other = start("ask", { "Hello" }, nil, "http://127.0.0.1/")
      assert.equal(1, other:exit_status())
      assert.matches("url: expected ", other.errors)
    end)
  end)

  describe("many", function()
    local function answer_200()
      server = support.start { "--echo" }
      local many, questions = start("many", {}), {}
      for index = 1, 200 do
        questions[index] = "Question " .. index
      end
      local lines = table.concat(questions, "\n") .. "\n"
      many:press(lines)
      assert.equal(0, many:finish(), many.errors)
      assert.equal(lines, many.output)
    end

    it("answers 200 questions in their order", answer_200)

    it("does so by the threads API", function()
      by_threads = true
      answer_200()
    end)

    it("tries again where that is safe, and says which has no answer", function()
      local limit = { error = { status_code = 429, message = "Slow", extra_data = { retry_after = 0 } } }
      local refused = { error = { status_code = 400, message = "Not that" } }
      server = support.play {
        connections = {
          { { handshake = { status = 503 } } },
          { { receive = true }, limit, { close = 1008 } },
          { { receive = true }, { message = { text = "One\nand a half" } } },
        },
      }
      local many = start("many", {})
      many:press "one\n"
      assert.equal(0, many:finish(), many.errors)
      assert.equal("One and a half\n", many.output)
      person.stop(server)
      server = support.play { { receive = true }, refused, { close = 1008 } }
      local failing = start("many", {})
      failing:press "one\n"
      assert.equal(1, failing:finish())
      assert.equal("\n", failing.output)
      assert.matches("^one: application: .*Not that", failing.errors)
    end)
  end)

  describe("editor", function()
    -- Runs Neovim with the program and then this Lua code, until `done()` there; what it prints.
    local function edit(code)
      local file = os.tmpname()
      local handle = assert(io.open(file, "w"))
      handle:write(code)
      handle:close()
      local words = "%s LUA_PATH='lua/?.lua;lua/?/init.lua;;' LUA_CPATH='%s/lua/5.1/?.so;;' timeout 60 "
        .. "nvim --clean --headless -c 'luafile examples/cookbook/editor.lua' -c 'luafile %s' 2>&1"
      local pipe = assert(io.popen(words:format(assignments(), build_dir, file)))
      local output = pipe:read "*a"
      pipe:close()
      os.remove(file)
      return (output:gsub("\r", ""))
    end

    local HEAD = [[
      local function lines() return vim.api.nvim_buf_get_lines(0, 0, -1, true) end
      local function await(condition) assert(vim.wait(20000, condition, 10), "waited in vain") end
      local function finish(...) print(...) vim.cmd "qa!" end
    ]]

    it("writes the answer into a new buffer while it comes", function()
      server = support.play {
        { receive = true },
        { update = "It costs\n$300" },
        { wait = 0.5 },
        { update = "It costs\n$279" },
        { message = {} },
      }
      assert.equal("$300 $279 2", edit(HEAD .. [[
        vim.cmd "Ask How much is it?"
        await(function() return lines()[2] end)
        local first = lines()[2]
        await(function() return lines()[2] == "$279" end)
        finish(first, lines()[2], #vim.api.nvim_list_wins())
      ]]))
    end)

    it("writes that of the threads API", function()
      by_threads = true
      server = support.start { "--echo" }
      assert.equal("a quiet laptop", edit(HEAD .. [[
        vim.cmd "Ask a quiet laptop"
        await(function() return lines()[1] == "a quiet laptop" end)
        finish(lines()[1])
      ]]))
    end)

    it("stops the answer when the buffer is gone, and says what fails", function()
      local more = { update = "I found more" }
      server = support.play {
        connections = {
          { { receive = true }, { update = "I found" }, { ["repeat"] = 2000, steps = { { wait = 0.05 }, more } } },
          { { receive = true }, { error = { status_code = 400, message = "Not that" } }, { close = 1008 } },
        },
      }
      local seen = edit(HEAD .. [[
        local told = {}
        vim.notify = function(words) table.insert(told, words) end
        vim.cmd "Ask Hello"
        await(function() return lines()[1] == "I found" end)
        vim.cmd "close"
        vim.cmd "Ask Hello"
        await(function() return told[1] end)
        finish(#told, told[1])
      ]])
      assert.matches("^1 application: .*Not that", seen)
    end)
  end)

  describe("events", function()
    local prefix, nginx

    local function exists(file) return lfs.attributes(file) ~= nil end

    local function await(condition, what)
      local limit = os.time() + 30
      while not condition() do
        assert(os.time() <= limit, what)
        os.execute "sleep 0.02"
      end
    end

    local function serve()
      prefix = os.tmpname()
      os.remove(prefix)
      local words = "%s spec/openresty/serve %s %s spec/examples/cookbook.conf >%s.log 2>&1"
      nginx = assert(io.popen(words:format(assignments(), build_dir, prefix, prefix), "w"))
      await(function() return exists(prefix .. "/ready") end, "nginx does not start")
    end

    after_each(function()
      nginx:close()
      local file = assert(io.open(prefix .. ".log"))
      local complaints = file:read "*a"
      file:close()
      os.remove(prefix .. ".log")
      assert.equal("", complaints)
    end)

    local function curl(path)
      local words = "curl --silent --no-buffer --unix-socket %s/socket --max-time 20 "
        .. "-w '%%{http_code} %%{content_type}' 'http://localhost%s'"
      return words:format(prefix, path)
    end

    local function output_of(command)
      local pipe = assert(io.popen(command))
      local output = pipe:read "*a"
      pipe:close()
      return output
    end

    -- The events, as { name, data }, and what follows them.
    local function read_events(stream)
      local events = {}
      for name, data in stream:gmatch "event: (%l+)\ndata: ([^\n]+)\n\n" do
        events[#events + 1] = { name, cjson.decode(data) }
      end
      return events, stream:match "[^\n]*$"
    end

    it("streams an answer", function()
      server = support.play {
        { receive = true },
        { update = "It costs $300" },
        { wait = 0.3 },
        { update = "It costs $279" },
        { message = { followup_suggestions = {} } },
      }
      serve()
      local events, status = read_events(output_of(curl "/events?text=How%20much%3F"))
      assert.equal("200 text/event-stream", status)
      local text = ""
      for index = 1, #events - 1 do
        assert.equal("chunk", events[index][1])
        text = text:sub(1, events[index][2].keep) .. events[index][2].text
      end
      assert.is_true(#events > 2)
      assert.equal("message", events[#events][1])
      assert.equal("It costs $279", text)
      assert.equal(text, events[#events][2].text)
    end)

    it("streams that of the threads API", function()
      by_threads = true
      server = support.start { "--echo" }
      serve()
      local events, status = read_events(output_of(curl "/events?text=a+quiet+laptop"))
      assert.equal("200 text/event-stream", status)
      assert.equal("message", events[#events][1])
      assert.equal("a quiet laptop", events[#events][2].text)
    end)

    it("tells errors, and refuses what is no question", function()
      local refused = { error = { status_code = 400, message = "Not that" } }
      server = support.play { { receive = true }, refused, { close = 1008 } }
      serve()
      local events = read_events(output_of(curl "/events?text=Hello"))
      assert.equal("error", events[#events][1])
      assert.equal("application", events[#events][2].kind)
      assert.matches("Not that", events[#events][2].message)
      for _, query in ipairs { "", "?text", "?text=" } do
        assert.matches("400 ", output_of(curl("/events" .. query)))
      end
    end)

    it("stops the agent when the browser leaves", function()
      server = support.play {
        connections = {
          { { receive = true }, { update = "I found" }, { receive = true } },
        },
      }
      serve()
      local browser = assert(io.popen("echo $$; exec " .. curl "/events?text=Hello"))
      local process = browser:read "*l"
      assert.equal("event: chunk", browser:read "*l")
      local function count() -- of connections to the agent: the session's, and that of REST calls, which is kept
        return select(2, output_of(("ss -Htn state established dport = :%d"):format(server.port)):gsub("\n", ""))
      end
      local before = count()
      assert.is_true(before > 0)
      os.execute("kill " .. process)
      browser:close()
      await(function() return count() < before end, "the session goes on")
    end)
  end)
end)
