--! clock read-text
-- KEYS texts, expiry; ARGV time, name, '1' if a text is expected, it, '1' to store or '0' to remove, text, ttl or ''
-- -> 1 if it is there now
local current = readText(KEYS[1], ARGV[2])
local expected, wanted = ARGV[3] == '1' and ARGV[4], ARGV[5] == '1' and ARGV[6]
if current ~= expected and current ~= wanted then return 0 end
redis.call('ZREM', KEYS[2], ARGV[2])
if not wanted then
  redis.call('HDEL', KEYS[1], ARGV[2])
  return 1
end
local ends = 0
if ARGV[7] ~= '' then
  ends = now + tonumber(ARGV[7])
  redis.call('ZADD', KEYS[2], ends, ARGV[2])
end
redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f ', ends) .. wanted)
return 1
