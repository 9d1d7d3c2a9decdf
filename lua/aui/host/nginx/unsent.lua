-- What a cosocket has not sent yet when it is closed. The kernel goes on sending it for minutes, unless the connection
-- is reset; nginx has no directive for that, but what tells a cosocket's descriptor.

local engine = require "aui.engine"
local ffi = require "ffi"

local unsent = {}

-- Of lua-nginx-module. Given no descriptor, it changes nothing and returns the socket's own, -1 if that is closed.
pcall(ffi.cdef, "int ngx_http_lua_ffi_socket_tcp_hack_fd(void *upstream, int fd, unsigned char *err, size_t *errlen);")
local has_descriptors, descriptor_of = pcall(function() return ffi.C.ngx_http_lua_ffi_socket_tcp_hack_fd end)

local words, size = ffi.new "unsigned char[64]", ffi.new "size_t[1]" -- of the function's error
local UPSTREAM = 1 -- where a cosocket has its C object, as resty.core.socket knows

--- Says whether the kernel is to throw it away when the connected cosocket is closed. Returns whether it will do so.
function unsent.discard(socket, wanted)
  local upstream = rawget(socket, UPSTREAM)
  if not has_descriptors or type(upstream) ~= "userdata" then return false end
  size[0] = ffi.sizeof(words)
  local descriptor = descriptor_of(upstream, -1, words, size)
  return descriptor >= 0 and engine.discard_unsent(descriptor, wanted)
end

return unsent
