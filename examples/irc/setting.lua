-- The settings of a program.

--- A variable of the environment; nil if it is not set, or empty, as in `AUI_URL= command`.
return function(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end
