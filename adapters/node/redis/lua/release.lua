-- KEYS claims, ending; ARGV time, name, owner
local stored = redis.call('HGET', KEYS[1], ARGV[2])
if not stored or cjson.decode(stored).owner ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('SREM', KEYS[2], ARGV[2])
return 1
