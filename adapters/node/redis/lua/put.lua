--! clock
-- KEYS texts, expiry; ARGV time, name, '1' to store or '0' to remove, text, ttl or ''. Each new end clears two old ones.
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 2)) do
  redis.call('ZREM', KEYS[2], name)
  redis.call('HDEL', KEYS[1], name)
end
redis.call('ZREM', KEYS[2], ARGV[2])
if ARGV[3] == '0' then return redis.call('HDEL', KEYS[1], ARGV[2]) end
local ends = 0
if ARGV[5] ~= '' then
  ends = now + tonumber(ARGV[5])
  redis.call('ZADD', KEYS[2], ends, ARGV[2])
end
redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f ', ends) .. ARGV[4])
return 1
