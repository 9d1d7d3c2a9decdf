-- What hides secrets, by itself: what it finds in texts, numbers and JSON, and how often it is asked to.

local aui = require "aui"
local cjson = require "cjson"
local error_module = require "aui.error"
local json_text = require "aui.secret.json_text"
local json = require "aui.text.json"
local secrets = require "aui.secret"
local support = require "spec.support"

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

describe("#native a mask of JSON", function()
  local mask = mask_of("123456789012", "u0041bcdefgh", 'other":"quoted', "hunter2/hunter2")

  local function masked(text)
    local result = json_text.mask(text, mask)
    assert.is_truthy(pcall(cjson.decode, result), result)
    return result
  end

  it("makes JSON of it", function()
    assert.equal('{"a":"***","b":[1,"***",-2.5e3]}', masked '{"a":123456789012,"b":[1,123456789012.0,-2.5e3]}')
    assert.equal('["***","***"]', masked "[-1.23456789012e11,91234567890129]")
    assert.equal('{"***":["***", 1.5],"x ***":"\\\\\\""}',
      masked '{"123456789012":[123456789012, 1.5],"x hunter2\\/hunter2":"\\\\\\""}') -- stylua: ignore
    assert.equal('["***",1]', masked '["\\u0041bcdefgh",1]')
    assert.equal("{}", masked '{"other":"quoted","a":1}')
  end)

  it("leaves the rest as it is, and masks what is no JSON", function()
    for _, text in ipairs { "[]", '{ "a" : [ 1.0, {}, null ] }', "not 1.5 JSON", "" } do
      assert.equal(text, json_text.mask(text, mask))
    end
    assert.equal("***.0 {", json_text.mask("123456789012.0 {", mask))
  end)
end)

describe("#native the errors of one failure", function()
  local payload = '{"status_code":500,"code":7,"message":"hunter2hunter2","extra_data":{"list":["a","b","c"],"n":1.5}}'

  -- A mask, the number of calls of it, and the error that it is needed for.
  local function counting()
    local holder, counted = secrets.new(), { calls = 0 }
    holder.add { "hunter2hunter2" }
    local mask, changes = secrets.mask { holder }
    counted.holder = holder
    local function count(value)
      counted.calls = counted.calls + 1
      return mask(value)
    end
    function counted.read(text)
      local raw = { kind = "server", message = "the server answered", retryable = true, payload = text }
      return error_module.from_core(raw, count, changes())
    end
    return counted
  end

  it("are read once", function()
    local counted = counting()
    local first = counted.read(payload)
    local once = counted.calls
    local second = counted.read(payload)
    assert.equal(once + 1, counted.calls) -- its own message
    assert.same(first, second)
    assert.equal("the server answered: ***", second.message)
    assert.same({ 7, { list = { "a", "b", "c" }, n = 1.5 } }, { second.code, second.extra_data })
  end)

  it("are read again when there is more to hide, or something else was said", function()
    local counted = counting()
    local first = counted.read '{"extra_data":{"a":"new-secret-1"}}'
    assert.equal("new-secret-1", first.extra_data.a)
    counted.holder.add { "new-secret-1" }
    assert.equal("***", counted.read('{"extra_data":{"a":"new-secret-1"}}').extra_data.a)
    assert.equal("b", counted.read('{"extra_data":{"a":"b"}}').extra_data.a)
    assert.is_nil(counted.read("").extra_data)
  end)

  it("are read once also where handlers, a log and spans are told", function()
    local failure = { status_code = 500, message = "Oops" }
    local server = support.play { { receive = true }, { error = failure }, { close = 1011 } }
    local decode, decoded, told = json.decode, 0, {}
    local function tell(what) told[#told + 1] = what.err or what end
    aui.log(tell, "debug")
    aui.trace(tell)
    function json.decode(text) -- luacheck: ignore
      if text:find("Oops", 1, true) then decoded = decoded + 1 end
      return decode(text)
    end
    local session = server:connect { reconnect = { base = 3600, max = 3600 } }
    session:on("state", function(_, err) tell(err) end)
    local _, err = session:ask "question"
    session:close()
    json.decode = decode -- luacheck: ignore
    aui.log(nil)
    aui.trace(nil)
    server:stop()
    assert.matches("Oops", err.message)
    assert.is_true(#told > 3)
    assert.equal(1, decoded)
  end)
end)
