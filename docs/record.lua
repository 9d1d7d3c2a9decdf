-- Draws docs/demo.svg: runs script/demo in a terminal and lets each piece of its output appear in the picture when it
-- did in the terminal. A viewer that does not animate shows the end.
-- Usage, in the root of the checkout: lua5.4 docs/record.lua >docs/demo.svg

local terminal = require "spec.examples.terminal"
local uv = require "luv"

local COMMAND = "./script/demo"
local COLUMNS, ROWS = 80, 24
local CELL_WIDTH, CELL_HEIGHT, FONT_SIZE = 8.4, 20, 14 -- pixels
local PADDING = 20 -- pixels
local LONGEST_PAUSE = 1 -- seconds: waiting longer is no pleasure to watch
local COLOURS = { [""] = "#d8dee9", ["1;32"] = "#8fd18a", ["1;35"] = "#c9a2f2", ["1"] = "#ffffff" }

-- Runs the command; the screen's cells hold the seconds since its start, without long pauses.
local function record()
  local screen = terminal.new(ROWS)
  local output = uv.new_pipe()
  local time, last = 1, nil
  screen:feed("$ " .. COMMAND .. "\r\n", 0)
  uv.spawn("script", {
    args = { "-q", "-e", "-c", ("stty rows %d cols %d && %s"):format(ROWS, COLUMNS, COMMAND), "/dev/null" },
    stdio = { 0, output, 2 },
  }, function(status) assert(status == 0, "the demo failed") end)
  output:read_start(function(_, bytes)
    if not bytes then return output:close() end
    local now = uv.hrtime() / 1e9
    time = time + math.min(now - (last or now), LONGEST_PAUSE)
    last = now
    screen:feed(bytes, time)
  end)
  uv.run()
  return screen
end

-- The parts of a line that appeared at once and look the same: column, width, style, time, text. They end at spaces,
-- which not every viewer would keep.
local function runs_of(line)
  local runs, run = {}, nil
  for column = 0, COLUMNS - 1 do
    local cell = line[column]
    if not cell or cell.character == " " then
      run = nil
    elseif run and cell.style == run.style and cell.time == run.time then
      run.text, run.width = run.text .. cell.character, run.width + 1
    else
      run = { column = column, width = 1, style = cell.style, time = cell.time, text = cell.character }
      runs[#runs + 1] = run
    end
  end
  return runs
end

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

local function draw_run(run, row)
  local colour = assert(COLOURS[run.style], "a colour is missing for style " .. run.style)
  local weight = run.style:find "^1" and ' font-weight="bold"' or ""
  local x, y = PADDING + run.column * CELL_WIDTH, PADDING + row * CELL_HEIGHT - 5
  print(('<text x="%.1f" y="%d" textLength="%.1f" fill="%s"%s style="animation-delay:%.2fs">%s</text>'):format(
    x, y, run.width * CELL_WIDTH, colour, weight, run.time, (run.text:gsub("[&<>]", ESCAPES))
  ))
end

local HEAD = [[
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">
<style>
svg { font: %dpx ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
text { animation: appear 1ms backwards }
@keyframes appear { from { visibility: hidden } }
@media (prefers-reduced-motion) { text { animation: none } }
</style>
<rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#1d2129" stroke="#4a5160"/>]]

local function draw(screen)
  local rows = #screen.lines - 1 -- the last one is the empty line where the next prompt would be
  local width, height = COLUMNS * CELL_WIDTH + 2 * PADDING, rows * CELL_HEIGHT + 2 * PADDING
  print(HEAD:format(width, height, width, height, "A terminal: " .. COMMAND .. " asks an agent and shows its answer",
    FONT_SIZE, width - 1, height - 1))
  for row = 1, rows do
    for _, run in ipairs(runs_of(screen.lines[row])) do
      draw_run(run, row)
    end
  end
  print "</svg>"
end

draw(record())
