-- A thousand sessions in one process, each with a conversation of its own.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

local SESSIONS = tonumber(os.getenv "AUI_SESSIONS") or 1000
local DESCRIPTORS_NEEDED = SESSIONS + 200

local function descriptor_limit()
  for line in io.lines "/proc/self/limits" do
    local soft = line:match "^Max open files%s+(%S+)"
    if soft then return tonumber(soft) or math.huge end
  end
end

for _, way in ipairs(wire.apis) do
  describe(SESSIONS .. " sessions at once over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    local function skip_if_limited()
      if descriptor_limit() < DESCRIPTORS_NEEDED then
        pending(("ulimit -n is below %d, too low for so many connections"):format(DESCRIPTORS_NEEDED))
      end
    end

    it("each get an answer, in tasks", function()
      skip_if_limited()
      local server = link:start { "--tokens", "20" }
      local options = wire.options(server, { timeout = { connect = 60 } })
      local answers, open, most_open = 0, 0, 0
      aui.run(function()
        for _ = 1, SESSIONS do
          aui.spawn(function()
            local session = assert(aui.connect(options))
            open = open + 1
            most_open = math.max(most_open, open)
            while most_open < SESSIONS do aui.sleep(0.05) end -- for the last one
            local reply = session:send "hello"
            local text = support.read(reply)
            assert(text == reply:message().text and #text > 0)
            answers = answers + 1
            session:close()
          end)
        end
      end)
      assert.equal(SESSIONS, most_open)
      assert.equal(SESSIONS, answers)
    end)

    it("each get an answer, in the background, without any task", function()
      skip_if_limited()
      local server = link:start { "--tokens", "20" }
      local replies = {}
      for i = 1, SESSIONS do
        replies[i] = link:session(server, { timeout = { connect = 60 } }):send "hello"
      end
      for i = 1, SESSIONS do assert.is_table(replies[i]:message()) end
    end)
  end)
end
