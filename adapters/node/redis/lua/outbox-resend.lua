--! outbox
local row = delivery(ARGV[2], ARGV[3])
if not row or tonumber(row.created) <= now - tonumber(ARGV[4]) then return 0 end
row.lease = nil
row.state = 'pending'
row.attempts = 0
saveDelivery(ARGV[2], ARGV[3], row)
redis.call('ZADD', base .. ':due:' .. ARGV[2], now, ARGV[3])
return 1
