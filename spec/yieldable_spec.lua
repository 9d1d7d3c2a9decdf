-- Where a task can wait: everywhere, but on PUC Lua 5.1, which cannot yield inside pcall nor inside the iterator of a
-- generic `for`. There the attempt is refused, and nothing is lost; `while` and reply:next do the same.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"
local yieldable = require "aui.host.native.yieldable"

describe("#native yieldable.now", function()
  -- What it says in a coroutine, called by `caller`.
  local function told(caller)
    local result
    coroutine.wrap(function() caller(function() result = yieldable.now() end) end)()
    return result
  end

  it("is true in a coroutine, and below a tail call of one", function()
    assert.is_true(told(function(ask) ask() end))
    assert.is_true(told(function(ask) return ask() end))
  end)

  it("tells whether this Lua can yield inside pcall, xpcall and iterators", function()
    assert.equal(yieldable.in_pcall, told(pcall))
    assert.equal(yieldable.in_pcall, told(function(ask) xpcall(ask, print) end))
    assert.equal(yieldable.in_pcall, told(function(ask) for _ in ask do end end))
    assert.equal(yieldable.in_pcall, told(function(ask) for _ in setmetatable({}, { __call = ask }) do end end))
  end)

  it("is false inside other C functions", function()
    assert.is_false(told(function(ask) table.sort({ 1, 2 }, function() ask() return false end) end))
    assert.is_false(told(function(ask) ("x"):gsub("x", function() ask() end) end))
  end)
end)

for _, scheme in ipairs(wire.schemes) do
  describe("a task over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    -- Streams an answer in a task, as `stream` does.
    local function shown_by(stream)
      local server = link:start { "--pace", "0" }
      return aui.run(function()
        local session = link:connect(server)
        local reply = session:send "hello"
        local shown = stream(reply)
        return shown == reply:message().text
      end)
    end

    it("streams a reply by reply:next", function()
      assert.is_true(shown_by(function(reply)
        local shown = ""
        while true do
          local chunk, keep = reply:next()
          if not chunk then return shown end
          shown = shown:sub(1, keep) .. chunk
        end
      end))
    end)

    it("streams a reply by a for loop, or is told at once that this Lua cannot wait there", function()
      local streamed, refusal = pcall(shown_by, function(reply)
        local shown = ""
        for chunk, keep in reply do shown = shown:sub(1, keep) .. chunk end
        return shown
      end)
      assert.equal(yieldable.in_pcall, streamed)
      if not streamed then
        assert.is_truthy(refusal:find("Lua 5.1 cannot wait here", 1, true), refusal)
        assert.is_truthy(refusal:find("reply:next", 1, true), refusal)
      end
    end)

    it("goes on after a wait that was refused", function()
      assert.is_true(shown_by(function(reply)
        local waited = pcall(aui.sleep, 0.001)
        assert(waited == yieldable.in_pcall)
        aui.sleep(0.005)
        return (support.read(reply))
      end))
    end)
  end)
end

it("reply:next(0) does not wait, so that a task may ask inside pcall", function()
  local link = wire.new "ws"
  finally(function() link:stop() end)
  local server = link:play { { receive = true }, { wait = 60 } }
  aui.run(function()
    local session = link:connect(server)
    local reply = session:send "hello"
    local ok, chunk, err = pcall(reply.next, reply, 0)
    assert.is_true(ok)
    assert.is_nil(chunk)
    assert.equal("pending", err.kind)
    reply:cancel()
  end)
end)
