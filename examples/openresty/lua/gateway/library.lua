-- Libraries that OpenResty has as resty.*, and Debian as nginx.*.

return function(name)
  local ok, module = pcall(require, "resty." .. name)
  return ok and module or require("nginx." .. name)
end
