-- KEYS counters, usage, estimates, estimated; ARGV time, name, first minute -> how many tokens were given back
local function lower(key, field, amount)
  local found = redis.call('HGET', key, field)
  if found then redis.call('HSET', key, field, math.max(0, tonumber(found) - amount)) end
end
local credited, start = 0, ARGV[2] .. ' '
for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], ARGV[3], '+inf')) do
  if string.sub(field, 1, #start) == start then
    local tokens = tonumber(redis.call('HGET', KEYS[3], field) or 0)
    local day, counter, periods, model = string.match(string.sub(field, #start + 1), '^%S+ (%S+) (%S+) (%S*) (.*)$')
    redis.call('HDEL', KEYS[3], field)
    redis.call('ZREM', KEYS[4], field)
    for period in string.gmatch(periods, '[^,]+') do lower(KEYS[1], counter .. ' ' .. period .. ' used', tokens) end
    for _, what in ipairs({'tokens', 'output', 'estimated'}) do
      lower(KEYS[2], start .. day .. ' ' .. what .. ' ' .. model, tokens)
    end
    credited = credited + tokens
  end
end
return credited
