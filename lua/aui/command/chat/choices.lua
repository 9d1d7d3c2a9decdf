-- Lists whose lines are picked by their numbers: the one that was shown last.

local screen = require "aui.command.screen"

local choices = {}

--- Shows the list, in place of the one before; `pick(index)` is called for a line that is picked.
function choices.offer(chat, heading, words, pick)
  local lines = {}
  for index, line in ipairs(words) do
    lines[index] = ("%d  %s"):format(index, line)
  end
  screen.block(heading, lines)
  chat.choices = #lines > 0 and { count = #lines, pick = pick } or nil
end

--- Whether there is something to pick.
function choices.are_there(chat) return chat.choices ~= nil end

--- Picks the line with this number.
function choices.pick(chat, digits)
  local number = tonumber(digits)
  if number >= 1 and number <= chat.choices.count then return chat.choices.pick(number) end
  screen.note(("Nothing above has the number %s; to send a number, put a word beside it."):format(digits))
end

return choices
