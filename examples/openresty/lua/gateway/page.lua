-- What the page has to know of the settings: the module chat/settings.js, and its part of the content security policy.

local cjson = require "cjson.safe"
local config = require "gateway.config"

local page = {}

local pictures = config.pictures[1] and cjson.encode(config.pictures) or "[]"

--- What else than the page's own origin pictures may come from, in the policy's words.
function page.picture_sources() return table.concat(config.pictures, " ") end

--- Answers with the module.
function page.serve_settings()
  ngx.header["Content-Type"] = "text/javascript"
  ngx.header["Cache-Control"] = "no-cache"
  ngx.print("export const pictures = ", pictures, ";\n")
end

return page
