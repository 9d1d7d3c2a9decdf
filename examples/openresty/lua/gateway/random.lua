-- Ids that nobody can guess.

--- 128 random bits, as 32 hexadecimal digits.
return function()
  local source = assert(io.open("/dev/urandom", "rb"))
  local bytes = source:read(16)
  source:close()
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end
