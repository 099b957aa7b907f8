-- `touch` makes a counter and, where it is the first of its period, drops all but one of the earlier ones of its kind.
local function read(counters, counter, period)
  local found = redis.call('HMGET', counters, counter .. ' ' .. period .. ' used', counter .. ' ' .. period .. ' reserved')
  return tonumber(found[1] or 0), tonumber(found[2] or 0)
end
local function touch(counters, counter, period)
  if redis.call('HSETNX', counters, counter .. ' ' .. period .. ' used', 0) == 0 then return end
  local start, earlier, previous = counter .. ' ', {}, ''
  for _, field in ipairs(redis.call('HKEYS', counters)) do
    if string.sub(field, 1, #start) == start and string.sub(field, -5) == ' used' then
      local found = string.sub(field, #start + 1, -6)
      if #found == #period and found < period then
        earlier[#earlier + 1] = found
        if found > previous then previous = found end
      end
    end
  end
  for _, found in ipairs(earlier) do
    local _, reserved = read(counters, counter, found)
    if found ~= previous and reserved == 0 then
      redis.call('HDEL', counters, start .. found .. ' used', start .. found .. ' reserved')
    end
  end
end
local function add(counters, counter, period, what, amount)
  touch(counters, counter, period)
  return redis.call('HINCRBY', counters, counter .. ' ' .. period .. ' ' .. what, amount)
end
