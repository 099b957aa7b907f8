-- Where counters stand among others: `near` by the share of their limit that is used, `ranks` by a month's use. The
-- script that changes counters names both.
local places = {}
local function read(counters, counter, period)
  local name = counter .. ' ' .. period
  local found = redis.call('HMGET', counters, name .. ' used', name .. ' reserved')
  return tonumber(found[1] or 0), tonumber(found[2] or 0)
end
-- Makes a counter and, where it is the first of its period, drops the earlier ones of its kind: all but one, and of
-- minutes all but five, which those count in whose clocks are behind.
local function touch(counters, counter, period)
  if redis.call('HSETNX', counters, counter .. ' ' .. period .. ' used', 0) == 0 then return end
  local start, earlier = counter .. ' ', {}
  for _, field in ipairs(redis.call('HKEYS', counters)) do
    if string.sub(field, 1, #start) == start and string.sub(field, -5) == ' used' then
      local found = string.sub(field, #start + 1, -6)
      if #found == #period and found < period then earlier[#earlier + 1] = found end
    end
  end
  table.sort(earlier)
  for i = 1, #earlier - (#period == 16 and 5 or 1) do
    local _, reserved = read(counters, counter, earlier[i])
    if reserved == 0 then
      local name = start .. earlier[i]
      redis.call('HDEL', counters, name .. ' used', name .. ' reserved', name .. ' quota')
      redis.call('ZREM', places.near, name)
      redis.call('ZREM', places.ranks, name)
    end
  end
end
-- Adds to both amounts. `quota`: a new limit, '' for none, or nil where it stays.
local function change(counters, counter, period, used, reserved, quota)
  touch(counters, counter, period)
  local name = counter .. ' ' .. period
  local nowUsed = redis.call('HINCRBY', counters, name .. ' used', used)
  local nowReserved = redis.call('HINCRBY', counters, name .. ' reserved', reserved)
  -- The counter may have been forgotten since.
  if nowReserved < 0 then
    redis.call('HSET', counters, name .. ' reserved', 0)
    nowReserved = 0
  end
  local before = redis.call('HGET', counters, name .. ' quota') or ''
  if quota == nil then quota = before end
  if quota ~= before then
    if quota == '' then redis.call('HDEL', counters, name .. ' quota')
    else redis.call('HSET', counters, name .. ' quota', quota) end
  end
  local function share(limit, sum)
    if limit == '' then return 0 end
    return tonumber(limit) == 0 and 1000000 or sum / tonumber(limit)
  end
  local is = share(quota, nowUsed + nowReserved)
  if is >= 0.5 then redis.call('ZADD', places.near, string.format('%.9f', is), name)
  elseif share(before, nowUsed - used + nowReserved - reserved) >= 0.5 then redis.call('ZREM', places.near, name) end
  if used ~= 0 and #period == 7 then redis.call('ZADD', places.ranks, nowUsed, name) end
  return nowUsed
end
