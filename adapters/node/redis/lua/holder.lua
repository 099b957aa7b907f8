-- KEYS claims; ARGV time, name -> owner or false
local stored = redis.call('HGET', KEYS[1], ARGV[2])
return stored and cjson.decode(stored).owner or false
