--! outbox
for _, kind in ipairs({':deliveries:', ':due:', ':created:'}) do redis.call('DEL', base .. kind .. ARGV[2]) end
return redis.call('SREM', base .. ':endpoints', ARGV[2])
