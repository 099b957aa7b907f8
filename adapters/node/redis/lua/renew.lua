--! clock set-lease
-- KEYS claims, ending; ARGV time, name, owner, ttl or '', note preceded by '=', or '', from -> 1 if renewed
local stored = redis.call('HGET', KEYS[1], ARGV[2])
local held = stored and cjson.decode(stored)
if not held or held.owner ~= ARGV[6] then return 0 end
local note = ARGV[5] ~= '' and string.sub(ARGV[5], 2) or held.note
setLease(KEYS[1], KEYS[2], ARGV[2], ARGV[3], note, ARGV[4])
return 1
