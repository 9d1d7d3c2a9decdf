-- The programs of a page in Markdown: see spec/pages/programs_spec.lua for the rule.

local page = {}

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

-- The blocks of a page, in order: the language and the word after it, the section's heading, the lines, and the number
-- of the line before the first.
local function blocks_of(path)
  local blocks, heading, block = {}, path, nil
  for number, line in ipairs(lines_of(path)) do
    if block then
      if line:match "^```%s*$" then
        blocks[#blocks + 1], block = block, nil
      else
        block.lines[#block.lines + 1] = line
      end
    elseif line:match "^```" then
      local language, word = line:match "^```(%S*)%s*(.-)%s*$"
      block = { language = language, word = word, heading = heading, line = number, lines = {} }
    elseif line:match "^#+ " then
      heading = line:match "^#+ (.*)"
    end
  end
  assert(not block, path .. ": a block has no end")
  return blocks
end

-- Adds the block to the text so that each of its lines has the number that it has in the page.
local function placed(text, block)
  local _, have = text:gsub("\n", "")
  return text .. ("\n"):rep(block.line - have) .. table.concat(block.lines, "\n") .. "\n"
end

local function word_of(block)
  local has_lua = block.language == "nginx" and table.concat(block.lines, "\n"):find "_by_lua"
  return has_lua and "with Lua" or block.word
end

--- The programs of the page, in order. Each has `name`, its place; `language`, "lua", "sh" or another; `word`, the
--- one after it, "" if there is none, or "with Lua"; `text`; of Lua `output`, what it is said to print (nil: nothing
--- is said); and of others `before`: the page's first block for nginx, or the section's program in Lua.
function page.programs(path)
  local programs, of_section, nginx = {}, {}, nil
  for _, block in ipairs(blocks_of(path)) do
    local lua = of_section[block.heading]
    if block.language == "text" and lua then
      lua.output = (lua.output or "") .. table.concat(block.lines, "\n") .. "\n"
    elseif block.language == "lua" and lua and lua.word == block.word then
      lua.text = placed(lua.text, block)
    else
      local program = {
        name = ("%s:%d, %s"):format(path, block.line, block.heading),
        language = block.language,
        word = word_of(block),
        text = placed("", block),
        before = block.language == "nginx" and nginx or lua,
      }
      programs[#programs + 1] = program
      if block.language == "lua" then of_section[block.heading] = program end
      if block.language == "nginx" then nginx = nginx or program end
    end
  end
  return programs
end

return page
