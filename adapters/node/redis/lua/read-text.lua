-- A stored text is `<end or 0> <text>`.
local function readText(texts, name)
  local stored = redis.call('HGET', texts, name)
  if not stored then return false end
  local space = string.find(stored, ' ', 1, true)
  local ends = tonumber(string.sub(stored, 1, space - 1))
  if ends > 0 and ends <= now then return false end
  return string.sub(stored, space + 1)
end
