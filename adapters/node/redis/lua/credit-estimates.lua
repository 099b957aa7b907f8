--! counters
-- KEYS counters, usage, estimates, estimated, near, ranks; ARGV time, name, first minute, where all usage of a
-- day is -> {tokens, micro-dollars} that were given back
places.near, places.ranks = KEYS[5], KEYS[6]
-- Returns what is left of the amount.
local function lower(key, field, amount)
  local found = tonumber(redis.call('HGET', key, field) or 0)
  if found > 0 then redis.call('HSET', key, field, math.max(0, found - amount)) end
  return math.max(0, amount - found)
end
local function lowerTokens(key, start, model, amount)
  lower(key, start .. 'tokens ' .. model, amount)
  lower(key, start .. 'estimated ' .. model, amount)
  local rest = lower(key, start .. 'output ' .. model, amount)
  if rest > 0 then lower(key, start .. 'input ' .. model, rest) end
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
    if string.sub(counter, -4) == '/usd' then
      lower(KEYS[2], start .. day .. ' microUsd ' .. model, amount)
      lower(ARGV[4] .. day, 'microUsd ' .. model, amount)
      microUsd = microUsd + amount
    else
      lowerTokens(KEYS[2], start .. day .. ' ', model, amount)
      lowerTokens(ARGV[4] .. day, '', model, amount)
      tokens = tokens + amount
    end
  end
end
return {tokens, microUsd}
