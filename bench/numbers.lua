-- What becomes of the numbers of several runs.

local numbers = {}

--- The median of fn(run), the least and the most.
function numbers.spread(runs, fn)
  local values = {}
  for index, run in ipairs(runs) do values[index] = fn(run) end
  table.sort(values)
  local middle = (#values + 1) / 2
  return (values[math.floor(middle)] + values[math.ceil(middle)]) / 2, values[1], values[#values]
end

--- In words, with three digits that count.
function numbers.figure(value)
  local size = math.abs(value)
  local digits = size >= 100 and 0 or size >= 10 and 1 or size >= 1 and 2 or 3
  return ("%." .. digits .. "f"):format(value)
end

--- The a and b of y = a + b x that fit the points { x, y } best: with the least squares of relative errors.
function numbers.fit(points)
  local uu, uv, vv, u_sum, v_sum = 0, 0, 0, 0, 0
  for _, point in ipairs(points) do
    local u, v = 1 / point[2], point[1] / point[2]
    uu, uv, vv, u_sum, v_sum = uu + u * u, uv + u * v, vv + v * v, u_sum + u, v_sum + v
  end
  local determinant = uu * vv - uv * uv
  return (u_sum * vv - v_sum * uv) / determinant, (v_sum * uu - u_sum * uv) / determinant
end

--- The same in words.
function numbers.fit_in_words(points)
  local a, b = numbers.fit(points)
  return ("%.3g %s %.3g x"):format(a, b < 0 and "-" or "+", math.abs(b))
end

return numbers
