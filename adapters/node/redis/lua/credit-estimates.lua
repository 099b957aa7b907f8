--! counters
-- KEYS counters, usage, estimates, estimated, near, ranks; ARGV time, name, first minute, where all usage of a
-- day is -> {tokens, micro-dollars} that were given back
places.near, places.ranks = KEYS[5], KEYS[6]
local function lower(key, field, amount)
  local found = redis.call('HGET', key, field)
  if found then redis.call('HSET', key, field, math.max(0, tonumber(found) - amount)) end
end
local tokens, microUsd, start = 0, 0, ARGV[2] .. ' '
for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], ARGV[3], '+inf')) do
  if string.sub(field, 1, #start) == start then
    local amount = tonumber(redis.call('HGET', KEYS[3], field) or 0)
    local day, counter, periods, model = string.match(string.sub(field, #start + 1), '^%S+ (%S+) (%S+) (%S*) (.*)$')
    redis.call('HDEL', KEYS[3], field)
    redis.call('ZREM', KEYS[4], field)
    for period in string.gmatch(periods, '[^,]+') do
      local name = counter .. ' ' .. period
      local found = redis.call('HGET', KEYS[1], name .. ' used')
      if found then change(KEYS[1], counter, period, 0 - math.min(tonumber(found), amount), 0) end
    end
    local isUsd = string.sub(counter, -4) == '/usd'
    for _, what in ipairs(isUsd and {'microUsd'} or {'tokens', 'output', 'estimated'}) do
      lower(KEYS[2], start .. day .. ' ' .. what .. ' ' .. model, amount)
      lower(ARGV[4] .. day, what .. ' ' .. model, amount)
    end
    if isUsd then microUsd = microUsd + amount else tokens = tokens + amount end
  end
end
return {tokens, microUsd}
