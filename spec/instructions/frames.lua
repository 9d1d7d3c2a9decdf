-- The frames of a reply of 500 updates, each 5 bytes longer than the one before.

local wire = require "spec.wire"

local frames, text = {}, ""
for index = 1, 500 do
  text = text .. ("%4d "):format(index)
  frames[index] =
    wire.frame(0x81, ('{"event":"thread-message-text-content-updated","data":{"text":"%s"}}'):format(text))
end

return frames
