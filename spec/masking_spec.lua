-- What hides secrets, by itself: what it finds in texts, numbers and JSON, and how often it is asked to.

local aui = require "aui"
local cjson = require "cjson"
local secrets = require "aui.secret"

assert(aui) -- it says which host the modules above are for

local function mask_of(...)
  local holder = secrets.new()
  holder.add { ... }
  return (secrets.mask { holder })
end

-- Letters and digits without any pattern.
local function noise(length, seed)
  local bytes = {}
  for index = 1, length do
    seed = seed * 16807 % 2147483647
    bytes[index] = string.char(97 + seed % 26)
  end
  return table.concat(bytes)
end

describe("#native a mask of texts", function()
  it("hides secrets of any length wherever they are", function()
    for length = 1, 400, 3 do
      local secret = noise(length, length + 7)
      local mask = mask_of(secret, "another/secret")
      assert.equal("***", mask(secret))
      assert.equal("*** and ***", mask(secret .. " and " .. secret))
      assert.equal("no *** here, nor ***!", mask(("no %s here, nor another/secret!"):format(secret)))
    end
  end)

  it("hides the beginning of a secret where the words are cut", function()
    for length = 16, 300, 7 do
      local secret = noise(length, length + 7)
      local mask = mask_of(secret)
      for cut = 8, length do
        assert.equal("no ***", mask("no " .. secret:sub(1, cut)))
      end
      assert.equal("no " .. secret:sub(1, 7), mask("no " .. secret:sub(1, 7)))
    end
  end)

  it("hides a long part of a long secret, too", function()
    local secret = noise(200, 5)
    assert.equal("x *** and more", mask_of(secret)("x " .. secret:sub(1, 128) .. " and more"))
  end)

  it("hides secrets that overlap, and those that begin with others", function()
    local one, other = noise(40, 5), noise(40, 6)
    local both = one .. other:sub(31)
    local mask = mask_of(one, other, both, one:sub(31) .. other, one:sub(1, 12))
    assert.equal("a *** b *** c", mask("a " .. one .. other .. " b " .. one:sub(1, 12) .. " c"))
    assert.equal("a ***", mask("a " .. both:sub(1, 45)))
  end)

  it("leaves no half of a character behind", function()
    local letters = {}
    for index = 1, 60 do letters[index] = "\195" .. string.char(128 + index) end
    local secret = "k" .. table.concat(letters) -- of which a piece ends in the middle of the 32nd
    local mask = mask_of(secret)
    assert.equal("***\195\191", mask(secret .. "\195\191"))
    assert.equal("*** and more", mask(secret:sub(1, 63) .. "\195\191 and more"))
  end)

  it("hides short secrets that stand alone", function()
    local mask = mask_of("hunter2", noise(20, 5))
    assert.equal("is it ***? no, hunter22", mask "is it hunter2? no, hunter22")
    assert.equal("******", mask("hunter2" .. noise(20, 5)))
  end)

  local key = "hunter2/\"a secret\"+<key>'&="
  local pages = {
    ["by name"] = "hunter2&sol;&quot;a secret&quot;&plus;&lt;key&gt;&apos;&amp;&equals;",
    ["by decimal numbers"] = "hunter2&#47;&#34;a secret&#34;&#43;&#60;key&#62;&#39;&#38;&#61;",
    ["by decimal numbers of three digits"] = 'hunter2/"a secret"+&lt;key&gt;&#039;&amp;=',
    ["by hexadecimal numbers"] = "hunter2&#x2f;&#x22;a secret&#x22;&#x2b;&#x3c;key&#x3e;&#x27;&#x26;&#x3d;",
    ["by hexadecimal numbers in upper case"] = "hunter2&#X2F;&#x22;a secret&#x22;&#X2B;&#X3C;key&#X3E;'&amp;&#x3D;",
    ["by some of each"] = 'hunter2/&#x22;a secret&#34;&#43;&lt;key>&#39;&amp;=',
  }

  for how, spelling in pairs(pages) do
    it("hides what a page of HTML escapes " .. how, function()
      local mask = mask_of(key)
      local page = "<p>&lt;no %s &#34;here&#34;, %s &"
      assert.equal(page:gsub("%%s", "***"), mask(page:format(spelling, spelling)))
      for cut = 20, #spelling do
        assert.equal("no ***", mask("no " .. spelling:sub(1, cut)))
      end
    end)
  end

  it("hides a short secret that a page of HTML escapes", function()
    local mask = mask_of 'a"b/c'
    for _, spelling in ipairs { "a&quot;b/c", "a&#34;b&#47;c", "a&#x22;b&#x2f;c", "a&#x22;b&#x2F;c" } do
      assert.equal("no ***", mask("no " .. spelling))
    end
  end)

  it("hides a secret that looks like what a page of HTML escapes", function()
    local mask = mask_of("lt;hunter2;amp;", "x&amp;hunter2&lt;&#34;")
    assert.equal("&*** ***", mask "&lt;hunter2;amp; x&amp;hunter2&lt;&#34;")
    assert.equal("no&#xffffffffffffffff; &#99999999999999999999; &#0; &#x; &nobody;",
      mask "no&#xffffffffffffffff; &#99999999999999999999; &#0; &#x; &nobody;") -- stylua: ignore
  end)

  it("keeps what was used of late, though no more than fits", function()
    local holder = secrets.new()
    local mask = secrets.mask { holder }
    for index = 1, 40 do holder.add { noise(20, index) } end
    assert.equal(noise(20, 8) .. " ***", mask(noise(20, 8) .. " " .. noise(20, 9)))
    local function count_bytes()
      local bytes = 0
      holder.each(function(spelling) bytes = bytes + #spelling end)
      return bytes
    end
    for index = 1, 40 do holder.add { "key", index .. ('+/"<'):rep(2000) } end
    assert.is_true(count_bytes() < 2 * 1024 * 1024)
    for index = 37, 40 do assert.equal("***", mask(index .. ('+/"<'):rep(2000))) end
  end)
end)

describe("#native a mask of numbers", function()
  local mask = mask_of("123456789012", "00777", "12345e67", "98765432109876543210", "12 34")

  it("hides secrets of digits, however they are written", function()
    for _, text in ipairs {
      "123456789012", "123456789012.0", "1.23456789012e11", "-123456789012", "1234567890120", "123456789012.5", "777",
      "98765432109876543210", "12345e67",
    } do -- stylua: ignore
      assert.equal("***", mask((cjson.decode("[" .. text .. "]"))[1]), text)
    end
  end)

  it("leaves others as they are", function()
    for _, number in ipairs { 0, 12, 34, 0.5, -1, 123456789011, 7771, 2 ^ 53, math.huge } do
      assert.equal(number, mask(number))
      assert.equal(number, mask_of "hunter2"(number))
    end
  end)
end)
