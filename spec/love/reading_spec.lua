-- Which answer the shop of examples/love shows, and how far it is scrolled: without LÖVE.

local directory = "examples/love/?.lua;"
local ROOM = 3 -- lines

describe("what is read in the shop", function()
  local page, reading, conversation, it_reads

  setup(function()
    package.path = directory .. package.path
    page, reading = require "page", require "reading"
  end)

  teardown(function()
    package.path = package.path:sub(#directory + 1)
    package.loaded.page, package.loaded.reading = nil, nil
  end)

  before_each(function()
    conversation = { turn = 2, leaving = false, question = "Two?", earlier = {
      { text = "Hello" }, { question = "One?", text = "a\nb\nc\nd\ne" },
    } } -- stylua: ignore
    it_reads = reading.new(conversation, function() return page.new(10, function(text) return #text end) end)
    it_reads.page:add "1\n2\n3\n4"
    it_reads:update(1, ROOM)
  end)

  -- The first line that is seen, without its newline.
  local function first_line() return (it_reads:lines()[it_reads.top + 1]:gsub("\n", "")) end

  it("is the end of what is said now", function()
    assert.equal("2", first_line())
    assert.equal("Two?", it_reads:question())
  end)

  it("is each answer from its end to its beginning, going up, and the other way going down", function()
    local seen = {}
    for step = 1, 10 do
      it_reads:scroll(step <= 5 and 1 or -1, ROOM)
      seen[step] = first_line()
    end
    assert.same({ "1", "c", "b", "a", "Hello", "a", "b", "c", "1", "2" }, seen)
    assert.is_nil(it_reads.past)
  end)

  it("stays an earlier answer while the next one comes, until the player speaks or leaves", function()
    it_reads:scroll(1, ROOM)
    for _, field in ipairs { "turn", "leaving" } do
      it_reads:scroll(1, ROOM)
      it_reads:rewind()
      it_reads.page:add "\n5"
      it_reads:update(1, ROOM)
      assert.equal("One?", it_reads:question())
      conversation[field] = field == "leaving" or conversation.turn + 1
      it_reads:update(1, ROOM)
      assert.equal("Two?", it_reads:question())
      it_reads:scroll(100, ROOM)
    end
  end)
end)
