-- The module `aui` under the name by which nginx's users look for it. In nginx it makes sessions on cosockets, in the
-- content, access and rewrite phases and in timers. A session belongs to the request or timer that opened it: close it
-- there, for nginx does not end a request before its sessions have ended.

local misuse = require "aui.host.misuse"

misuse.own()

if not require "aui.host.ngx_api" then misuse.raise 'resty.aui: this is not nginx; use require "aui"' end

return require "aui"
