-- KEYS document; ARGV '1' if one is expected, its text, '1' to store or '0' to remove, text -> 1 if it was as expected
local expected = ARGV[1] == '1' and ARGV[2]
if redis.call('GET', KEYS[1]) ~= expected then return 0 end
if ARGV[3] == '1' then redis.call('SET', KEYS[1], ARGV[4]) else redis.call('UNLINK', KEYS[1]) end
return 1
