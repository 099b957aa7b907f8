--! clock counters adopt
-- KEYS counters, reservations, open, usage, estimates, estimated, passed, near, ranks, names, all usage of the day;
-- ARGV time, id, '1' to charge as reserved, then lists, each of them after the number of its pairs: counter and actual amount; and (if there is usage) name, day, model, a
-- list of what and amount, one of estimated counter and amount, and for how long estimates are kept -> 1 if settled.
-- Giving back comes first: what has written once may go on writing when Redis is out of memory.
places.near, places.ranks = KEYS[8], KEYS[9]
local stored = redis.call('HGET', KEYS[2], ARGV[2])
if not stored then return 0 end
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
local at = 4
local function pairsAt()
  local list, last = {}, at + 2 * tonumber(ARGV[at])
  for i = at + 1, last, 2 do list[#list + 1] = {ARGV[i], ARGV[i + 1]} end
  at = last + 1
  return list
end
local actual = {}
for _, pair in ipairs(pairsAt()) do actual[pair[1]] = tonumber(pair[2]) end
local periods = {}
local function tell(counter, period, limit, percents, before, used)
  for percent in string.gmatch(percents, '%d+') do
    local threshold = math.ceil(tonumber(limit) * tonumber(percent) / 100)
    if before < threshold and used >= threshold then
      local field = table.concat({counter, period, percent, limit}, ' ')
      redis.call('HSETNX', KEYS[7], field, string.format('%.0f %.0f', now, used))
    end
  end
end
for line in string.gmatch(stored, '[^\n]+') do
  local counter, period, amount, limit, percents = string.match(line, '^(%S+) (%S+) (%d+) ?(%d*) ?(%S*)$')
  amount = tonumber(amount)
  periods[counter] = (periods[counter] and periods[counter] .. ',' or '') .. period
  local spent = ARGV[3] == '1' and amount or actual[counter] or 0
  local used = change(KEYS[1], counter, period, spent, 0 - amount)
  if percents ~= '' then tell(counter, period, limit, percents, used - spent, used) end
end
if not ARGV[at] then return 1 end
local name, day, model = ARGV[at], ARGV[at + 1], ARGV[at + 2]
at = at + 3
adopt(KEYS[10], KEYS[4], string.sub(KEYS[11], 1, -1 - #day), name)
for _, sum in ipairs(pairsAt()) do
  redis.call('HINCRBY', KEYS[11], sum[1] .. ' ' .. model, sum[2])
  redis.call('HINCRBY', KEYS[4], name .. ' ' .. day .. ' ' .. sum[1] .. ' ' .. model, sum[2])
end
local estimates = pairsAt()
if #estimates == 0 then return 1 end
local minute = now - now % 60000
for _, estimate in ipairs(estimates) do
  local field = table.concat({name, string.format('%.0f', minute), day, estimate[1], periods[estimate[1]] or '', model}, ' ')
  redis.call('HINCRBY', KEYS[5], field, estimate[2])
  redis.call('ZADD', KEYS[6], minute, field)
end
local old = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', string.format('(%.0f', now - tonumber(ARGV[at])), 'LIMIT', 0, 100)
for _, one in ipairs(old) do
  redis.call('HDEL', KEYS[5], one)
  redis.call('ZREM', KEYS[6], one)
end
return 1
