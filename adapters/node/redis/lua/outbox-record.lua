--! outbox
local endpoint, id = ARGV[2], ARGV[3]
local row = delivery(endpoint, id)
if not row or row.lease ~= ARGV[4] then return 0 end
row.lease = nil
row.state = ARGV[5]
if ARGV[7] then
  row.attempts = row.attempts + 1
  row.last = {at = ARGV[7], ms = ARGV[8], status = ARGV[9], error = ARGV[10]}
end
saveDelivery(endpoint, id, row)
if ARGV[6] == '' then redis.call('ZREM', base .. ':due:' .. endpoint, id)
else redis.call('ZADD', base .. ':due:' .. endpoint, now + tonumber(ARGV[6]), id) end
return 1
