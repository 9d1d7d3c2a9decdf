-- Letters as protocols know them: those of ASCII, whatever the locale. In a Turkish one, the i and I of the C library,
-- and so of string.lower, are not the same letter.

local ascii = {}

local LOWER = {}
for byte = ("A"):byte(), ("Z"):byte() do LOWER[string.char(byte)] = string.char(byte + 32) end

---@param text string
function ascii.lower(text) return (text:gsub("[A-Z]", LOWER)) end

return ascii
