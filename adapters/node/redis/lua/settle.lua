--! clock counters
-- KEYS counters, reservations, open, usage, estimates, estimated; ARGV time, id, '1' to charge as reserved, how many
-- actual amounts, counter and amount of each, then (if there is usage) name, day, model, requests, input, output, tokens,
-- estimated, and (if some are) the estimate's counter and for how long it is kept -> 1 if settled.
-- Giving back comes first: what has written once may go on writing when Redis is out of memory.
local stored = redis.call('HGET', KEYS[2], ARGV[2])
if not stored then return 0 end
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
local actual, rest = {}, 5 + 2 * tonumber(ARGV[4])
for i = 5, rest - 1, 2 do actual[ARGV[i]] = tonumber(ARGV[i + 1]) end
local periods = {}
for counter, period, amount in string.gmatch(stored, '(%S+) (%S+) (%d+)') do
  amount = tonumber(amount)
  if counter == ARGV[rest + 8] then periods[#periods + 1] = period end
  local spent = ARGV[3] == '1' and amount or actual[counter] or 0
  add(KEYS[1], counter, period, 'used', spent)
  add(KEYS[1], counter, period, 'reserved', -amount)
end
if ARGV[rest] then
  local start = ARGV[rest] .. ' ' .. ARGV[rest + 1] .. ' '
  for i, what in ipairs({'requests', 'input', 'output', 'tokens', 'estimated'}) do
    redis.call('HINCRBY', KEYS[4], start .. what .. ' ' .. ARGV[rest + 2], ARGV[rest + 2 + i])
  end
end
if ARGV[rest + 8] then
  local minute = now - now % 60000
  local field = table.concat({ARGV[rest], string.format('%.0f', minute), ARGV[rest + 1], ARGV[rest + 8],
    table.concat(periods, ','), ARGV[rest + 2]}, ' ')
  redis.call('HINCRBY', KEYS[5], field, ARGV[rest + 7])
  redis.call('ZADD', KEYS[6], minute, field)
  local old = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', now - tonumber(ARGV[rest + 9]), 'LIMIT', 0, 100)
  for _, one in ipairs(old) do
    redis.call('HDEL', KEYS[5], one)
    redis.call('ZREM', KEYS[6], one)
  end
end
return 1
