-- Which lines the bridge to IRC says of an answer that grows, and is rewritten.

package.path = "examples/irc/?.lua;" .. package.path
local speech = require "speech"

describe("an answer on IRC", function()
  -- The lines that are ready after each update, given as the text so far; `final`: after the last one as at the end.
  local function lines_of(room, final, ...)
    local words, said, before = speech.new(room), {}, ""
    for index, update in ipairs { ... } do
      local keep = 0
      while keep < #before and before:byte(keep + 1) == update:byte(keep + 1) do
        keep = keep + 1
      end
      words:add(update:sub(keep + 1), keep)
      before, said[index] = update, {}
      local line = words:next(final and index == select("#", ...))
      while line do
        table.insert(said[index], line)
        line = words:next(final and index == select("#", ...))
      end
    end
    return said
  end

  it("is said by the sentence", function()
    assert.same({ {}, {}, { "One is." }, {} }, lines_of(80, false, "One", "One is. ", "One is. T", "One is. Two"))
  end)

  it("is said by the line", function()
    assert.same({ { "One", "Two" } }, lines_of(80, false, "One\n\n  Two\nThree"))
  end)

  it("is said to its end when that is reached", function()
    assert.same({ {}, { "One two", "three" } }, lines_of(80, true, "One", "One two\nthree\n"))
  end)

  it("takes no full stop within a sentence for its end", function()
    assert.same({ {} }, lines_of(80, false, "It is, e.g. this one, No. 7 at 3.5 mm... and"))
  end)

  it("knows ends in quotes, in brackets and in Chinese", function()
    assert.same(
      { { '"Yes!"' }, { '(Really?)' }, { "是。" } },
      lines_of(80, false, '"Yes!" (R', '"Yes!" (Really?) S', '"Yes!" (Really?) 是。对')
    )
  end)

  it("says several sentences that are ready in one line, broken between them", function()
    assert.same({ { "One is. Two is.", "Three is." } }, lines_of(16, false, "One is. Two is. Three is. Four"))
  end)

  it("breaks long sentences between words, and long words between characters", function()
    assert.same({ { "One of", "many" } }, lines_of(9, true, "One of many"))
    assert.same({ { "ää", "ää", "ä" } }, lines_of(5, true, "äääää"))
  end)

  it("says a sentence that was rewritten again", function()
    assert.same(
      { { "Hello." }, { "It costs 300." }, {}, { "(corrected) It costs 279." } },
      lines_of(80, false, "Hello. I", "Hello. It costs 300. W", "Hello. It costs 2", "Hello. It costs 279. W")
    )
  end)

  it("says nothing again when the same text comes back", function()
    assert.same({ { "One." }, {}, {}, { "Two." } }, lines_of(80, true, "One. T", "", "One", "One. Two."))
  end)

  it("says what is left when the end is taken back", function()
    assert.same({ { "One. Two." }, { "(corrected) One." } }, lines_of(80, true, "One. Two. T", "One."))
    assert.same({ { "One." }, { "(taken back)" } }, lines_of(80, true, "One. T", ""))
  end)

  it("does not correct white space at its end", function()
    assert.same({ { "One." }, {} }, lines_of(80, true, "One.\n\n", "One."))
  end)

  it("has no control characters in it", function()
    assert.same({ { "One two", "three" } }, lines_of(80, true, "\1One\ttwo\r\nth\0ree\2"))
  end)
end)
