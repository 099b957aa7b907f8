--! clock set-lease
-- KEYS claims, ending; ARGV time, name, owner, ttl or '', note preceded by '=', or '' -> {granted, holder or abandoned
-- note or false}.
local stored = redis.call('HGET', KEYS[1], ARGV[2])
local held = stored and cjson.decode(stored)
local mine = held and held.owner == ARGV[3]
local ends = held and held.ends and tonumber(held.ends)
if held and not mine and not (ends and ends <= now) then return {0, held.owner} end
local note = ARGV[5] ~= '' and string.sub(ARGV[5], 2) or nil
local left = held and held.note
setLease(KEYS[1], KEYS[2], ARGV[2], ARGV[3], mine and (note or left) or left or note, ARGV[4])
return {1, held and not mine and left or false}
