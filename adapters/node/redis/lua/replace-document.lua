-- KEYS document, ids; ARGV id, '1' if a document is expected, its text, '1' to store or '0' to remove, text -> 1 if it was
-- as expected
local expected = ARGV[2] == '1' and ARGV[3]
if redis.call('GET', KEYS[1]) ~= expected then return 0 end
if ARGV[4] == '1' then
  redis.call('SET', KEYS[1], ARGV[5])
  redis.call('ZADD', KEYS[2], 0, ARGV[1])
else
  redis.call('UNLINK', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return 1
