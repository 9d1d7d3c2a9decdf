-- The descriptor of a cosocket, which nginx has no public function for.

local ffi = require "ffi"

local descriptor = {}

-- Of lua-nginx-module. Given no descriptor, it changes nothing and returns the socket's own, -1 if that is closed.
pcall(ffi.cdef, "int ngx_http_lua_ffi_socket_tcp_hack_fd(void *upstream, int fd, unsigned char *err, size_t *errlen);")
local has_descriptors, descriptor_of = pcall(function() return ffi.C.ngx_http_lua_ffi_socket_tcp_hack_fd end)

local words, size = ffi.new "unsigned char[64]", ffi.new "size_t[1]" -- of the function's error
local UPSTREAM = 1 -- where a cosocket has its C object, as resty.core.socket knows

--- That of a connected cosocket; nil where it cannot be known.
function descriptor.of(socket)
  local upstream = rawget(socket, UPSTREAM)
  if not has_descriptors or type(upstream) ~= "userdata" then return nil end
  size[0] = ffi.sizeof(words)
  local number = descriptor_of(upstream, -1, words, size)
  return number >= 0 and number or nil
end

return descriptor
