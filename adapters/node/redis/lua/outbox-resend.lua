--! outbox
local row = delivery(ARGV[2], ARGV[3])
local about = row and message(row.cause)
if not about or tonumber(row.created) <= now - tonumber(ARGV[4]) then return 0 end
keepUntil(row.cause, about, now + tonumber(ARGV[4]))
save(row.cause, about)
row.lease = nil
row.state = 'pending'
row.attempts = 0
saveDelivery(ARGV[2], ARGV[3], row)
redis.call('ZADD', base .. ':due:' .. ARGV[2], now, ARGV[3])
return 1
