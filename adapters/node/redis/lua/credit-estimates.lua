--! counters
-- KEYS counters, usage, estimates, estimated, near, ranks; ARGV time, name, first minute, where all usage of a
-- day is -> {tokens, micro-dollars} that were given back
places.near, places.ranks = KEYS[5], KEYS[6]
local tokens, microUsd, start = 0, 0, ARGV[2] .. ' '
local function take(key, field, amount)
  local found = tonumber(redis.call('HGET', key, field) or 0)
  local taken = math.max(0, math.min(found, amount))
  if taken > 0 then redis.call('HSET', key, field, found - taken) end
  return taken
end
-- From everybody's usage what the name's own had of it. Returns what is left of the amount.
local function lower(day, what, model, amount)
  local taken = take(KEYS[2], start .. day .. ' ' .. what .. ' ' .. model, amount)
  take(ARGV[4] .. day, what .. ' ' .. model, taken)
  return amount - taken
end
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
    if string.sub(counter, -4) == '/usd' then
      lower(day, 'microUsd', model, amount)
      microUsd = microUsd + amount
    else
      lower(day, 'tokens', model, amount)
      lower(day, 'estimated', model, amount)
      lower(day, 'input', model, lower(day, 'output', model, amount))
      tokens = tokens + amount
    end
  end
end
return {tokens, microUsd}
