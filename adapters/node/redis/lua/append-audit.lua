-- KEYS head, stream; ARGV seq and hash that the batch follows on, those it ends with, its lines -> {1} or the head
-- that there is. An entry's id is its event's number, so that Redis itself refuses a second of one number.
local head = redis.call('HMGET', KEYS[1], 'seq', 'hash')
local seq = tonumber(head[1] or 0)
if seq ~= tonumber(ARGV[1]) or (head[2] and head[2] ~= ARGV[2]) then return {0, seq, head[2] or ''} end
for i = 5, #ARGV do redis.call('XADD', KEYS[2], string.format('%.0f-0', seq + i - 4), 'line', ARGV[i]) end
redis.call('HSET', KEYS[1], 'seq', ARGV[3], 'hash', ARGV[4])
return {1}
