--! clock
-- KEYS open; ARGV time, age -> ids of the reservations that are older
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - tonumber(ARGV[2])))
