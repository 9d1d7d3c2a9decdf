-- aui.message: what a program reads from a final message, in one shape whatever the agent's generation.

local cjson = require "cjson"
local message = require "aui.message"

local function parameter(title, value, kind) return { title = title, value = value, type = kind } end

describe("message.products", function()
  it("has cards with their names, values by title and in order", function()
    local products = message.products {
      cards = {
        {
          id = "1",
          name = "Cyclone 20",
          is_recommended = true,
          parameters = { parameter("Price", 129.5, "numeric"), parameter("Capacity", "20 l", "string") },
        },
        { name = "Plain", parameters = {} },
      },
    }
    assert.are.equal(2, #products)
    local first, second = products[1], products[2]
    assert.are.equal("Cyclone 20", first.name)
    assert.is_true(first.recommended)
    assert.are.equal(129.5, first.price)
    assert.are.same({ Price = 129.5, Capacity = "20 l" }, first.values)
    assert.are.same(parameter("Capacity", "20 l", "string"), first.parameters[2])
    assert.is_false(second.recommended)
    assert.is_nil(second.price)
    assert.are.same({}, second.parameters)
  end)

  it("has options, which older agents send, in the same shape", function()
    for _, list in ipairs { "options", "variants_options" } do
      local item = { widget_parameters = { parameter("model", "Cyclone 20"), parameter("price", "$129") } }
      local products = message.products { cards = {}, [list] = { item } }
      assert.are.equal("Cyclone 20", products[1].name)
      assert.are.equal("$129", products[1].price)
      assert.are.equal("Cyclone 20", products[1].values.model)
    end
  end)

  it("has whole numbers as integers, as their user would write them", function()
    local cards = { { name = "A", parameters = { parameter("Price", 129.0), parameter("Weight", 2.5) } } }
    local product = message.products({ cards = cards })[1]
    assert.are.equal("129", tostring(product.price))
    local card = { title = "A", json_data = { entity = { price = 129.0 } } }
    assert.are.equal("129", tostring(message.products({ cards = { card } })[1].values.price))
    assert.are.equal(2.5, product.values.Weight)
  end)

  it("has cards of the threads API, whose values have no order but that of their names", function()
    local card = { title = "Cyclone 20", json_data = { entity = { price = 129, capacity = "20 l" } } }
    local product = message.products({ cards = { card } })[1]
    assert.are.equal("Cyclone 20", product.name)
    assert.are.equal(129, product.price)
    assert.are.same({ parameter("capacity", "20 l"), parameter("price", 129) }, product.parameters)
  end)

  it("tells pages and pictures by their titles, and takes nothing but addresses of http", function()
    local product = message.products({
      cards = {
        {
          name = "x",
          parameters = {
            parameter("url", "javascript:alert(1)"),
            parameter("Product_URL", "https://shop.example/x"),
            parameter("Image", "https://shop.example/x.png"),
          },
        },
      },
    })[1]
    assert.are.equal("https://shop.example/x", product.url)
    assert.are.equal("https://shop.example/x.png", product.image)
  end)

  it("bears what is missing, null, or of another type", function()
    local null = cjson.null
    local strange = {
      { cards = null },
      { cards = { null, 1, "x" } },
      { cards = { { name = null, parameters = null } } },
      { cards = { { parameters = { null, 1, { title = null, value = null }, { value = "only" } } } } },
      { cards = { { json_data = null } } },
      { cards = { { json_data = { entity = null } } } },
      { cards = { { json_data = { entity = { price = null } } } } },
    }
    assert.are.same({}, message.products(strange[1]))
    assert.are.same({}, message.products(strange[2]))
    assert.are.equal("?", message.products(strange[3])[1].name)
    assert.are.equal("only", message.products(strange[4])[1].name)
    assert.are.same({ parameter("?", "only") }, message.products(strange[4])[1].parameters)
    assert.are.same({}, message.products(strange[5])[1].parameters)
    assert.are.same({}, message.products(strange[6])[1].parameters)
    assert.are.same({}, message.products(strange[7])[1].parameters)
    assert.are.same({}, message.products {})
  end)

  it("raises for what is no message", function()
    assert.has_error(function() message.products "x" end, 'message: expected a table, got "x"')
  end)
end)

describe("message.recommended", function()
  it("has those that the agent recommends", function()
    local recommended = message.recommended { options = { { name = "a" }, { name = "b", is_recommended = true } } }
    assert.are.equal(1, #recommended)
    assert.are.equal("b", recommended[1].name)
  end)
end)

describe("message.time", function()
  local TIMES = {
    ["1970-01-01T00:00:00Z"] = 0,
    ["2025-10-09T12:26:07Z"] = 1760012767,
    ["2025-10-09 12:26:07.576000"] = 1760012767.576,
    ["2025-10-09T14:26:07+02:00"] = 1760012767,
    ["2025-10-09T05:56:07-0630"] = 1760012767,
    ["2024-02-29T00:00:00Z"] = 1709164800,
    ["2000-03-01T00:00:00z"] = 951868800,
  }
  for text, seconds in pairs(TIMES) do
    it("reads " .. text, function()
      assert.is_true(math.abs(message.time { created_at = text } - seconds) < 0.001)
    end)
  end

  local UNREADABLE = {
    "", "yesterday", "2025-13-01T00:00:00Z", "2025-10-09T12:26:07+2", "2025-10-09T12:26:07 o'clock",
  } -- stylua: ignore
  for _, text in ipairs(UNREADABLE) do
    it("does not read " .. ("%q"):format(text), function() assert.is_nil(message.time { created_at = text }) end)
  end

  it("has none where the message says nothing", function()
    assert.is_nil(message.time {})
    assert.is_nil(message.time { created_at = cjson.null })
  end)
end)
