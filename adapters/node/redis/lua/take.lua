--! clock
-- KEYS bucket, hits; ARGV time, limit, window, cost, '1' where nothing may stay after the window -> {allowed, remaining,
-- milliseconds from now to its reset}
local limit, window, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local row = redis.call('HMGET', KEYS[1], 'cost', 'busy', 'calls')
local inside, busy, calls = tonumber(row[1] or 0), tonumber(row[2] or now), tonumber(row[3] or 0)
local function costOf(member) return tonumber(string.match(member, ' (%d+)$')) end
if inside > 0 then
  local function leave(from, to)
    local left = redis.call('ZRANGEBYSCORE', KEYS[2], from, to)
    for _, member in ipairs(left) do inside = inside - costOf(member) end
    if #left > 0 then redis.call('ZREMRANGEBYSCORE', KEYS[2], from, to) end
  end
  leave('-inf', now)
  -- A time that is yet to come: the clock was set back, and nobody is to wait until it is there again.
  if busy > now + window then
    busy = now + window
    leave(string.format('(%.0f', busy), '+inf')
    redis.call('HSET', KEYS[1], 'busy', busy)
  end
  if redis.call('EXISTS', KEYS[2]) == 0 then inside = 0 end
  redis.call('HSET', KEYS[1], 'cost', inside)
end
if inside + cost > limit then
  local resetAt, excess, first = now + window, inside + cost - limit, 0
  while cost <= limit and excess > 0 do
    local oldest = redis.call('ZRANGE', KEYS[2], first, first + 99, 'WITHSCORES')
    if #oldest == 0 then break end
    for i = 1, #oldest, 2 do
      excess = excess - costOf(oldest[i])
      if excess <= 0 then
        resetAt = tonumber(oldest[i + 1])
        break
      end
    end
    first = first + 100
  end
  return {0, math.max(0, limit - inside), resetAt - now}
end
if cost > 0 then
  inside, busy, calls = inside + cost, math.max(busy, now + window), calls + 1
  redis.call('ZADD', KEYS[2], now + window, string.format('%.0f %.0f', calls, cost))
  redis.call('PEXPIRE', KEYS[2], window + 60000)
  redis.call('HSET', KEYS[1], 'cost', inside, 'busy', busy, 'calls', calls, 'last', now)
  if ARGV[5] == '1' then redis.call('PEXPIRE', KEYS[1], window + 60000) end
end
return {1, limit - inside, inside > 0 and busy - now or 0}
