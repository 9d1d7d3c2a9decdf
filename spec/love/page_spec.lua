-- How the shop of examples/love lays text out while it comes: without LÖVE, in a font whose characters are all alike.

local directory = "examples/love/?.lua;"

describe("the shop's page", function()
  local page, typewriter

  setup(function()
    package.path = directory .. package.path
    page, typewriter = require "page", require "typewriter"
  end)

  teardown(function()
    package.path = package.path:sub(#directory + 1)
    package.loaded.page, package.loaded.typewriter = nil, nil
  end)

  local function width_of(text) return select(2, text:gsub("[^\128-\191]", "")) end

  local function new_page() return page.new(10, width_of) end

  local function lines_of(text)
    local whole = new_page()
    whole:add(text)
    return whole.lines
  end

  -- Text with words of all lengths, among them some that are wider than a line.
  local function random_text(bytes)
    local parts, length = {}, 0
    while length < bytes do
      local part = ({ "a", "b", "é", "漢", " ", " ", "  ", "\n", "word ", "a-very-long-word" })[math.random(10)]
      parts[#parts + 1] = part
      length = length + #part
    end
    return table.concat(parts)
  end

  -- The nearest place in front of this one where a character ends.
  local function boundary(text, place)
    while (text:byte(place + 1) or 0) >= 0x80 and text:byte(place + 1) < 0xC0 do place = place - 1 end
    return place
  end

  it("breaks lines between words", function()
    assert.same({ "one two ", "three four ", "five" }, lines_of "one two three four five")
    assert.same({ "one\n", "\n", "two" }, lines_of "one\n\ntwo")
  end)

  it("breaks a word that is wider than a line between characters", function()
    assert.same({ "a ", "éééééééééé", "éé b" }, lines_of "a éééééééééééé b")
  end)

  it("has the same lines however the text came and went", function()
    math.randomseed(1)
    for _ = 1, 2000 do
      local sheet, text = new_page(), ""
      for _ = 1, 8 do
        local keep = boundary(text, math.random(0, #text))
        if math.random(3) > 1 then keep = #text end
        local chunk = random_text(math.random(0, 25))
        if keep < #text then sheet:cut(keep) end
        sheet:add(chunk)
        text = text:sub(1, keep) .. chunk
        assert.equal(text, sheet:text())
        assert.same(lines_of(text), sheet.lines)
      end
    end
  end)

  it("is typed on by letters, never more than a moment behind", function()
    local sheet = new_page()
    local writer = typewriter.new(sheet)
    local text = random_text(100000)
    writer:write(text, 0)
    local frames, last = 0, ""
    while writer:is_typing() do
      writer:update(1 / 60)
      frames = frames + 1
      local typed = sheet:text()
      assert.equal(last, typed:sub(1, #last))
      assert.equal(boundary(text, #typed), #typed)
      last = typed
    end
    assert.equal(text, last)
    assert.is_true(frames > 5 and frames < 20, frames .. " frames")
  end)

  it("loses what is taken back, also what was typed of it", function()
    local sheet = new_page()
    local writer = typewriter.new(sheet)
    writer:write("It costs $300", 0)
    writer:update(1)
    assert.equal("It costs $300", sheet:text())
    writer:write("279", 10)
    assert.equal("It costs $", sheet:text())
    writer:update(1)
    assert.equal("It costs $279", sheet:text())
  end)
end)
