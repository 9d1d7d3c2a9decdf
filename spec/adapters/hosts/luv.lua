local uv = require "luv"
require("aui.adapter.luv").attach(uv)

return function(main)
  coroutine.wrap(main)()
  uv.run()
end
