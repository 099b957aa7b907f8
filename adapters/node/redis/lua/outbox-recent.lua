--! outbox
local out = {redis.call('GET', base .. ':seq') or '0'}
if ARGV[2] == '' then return out end
for _, cause in ipairs(redis.call('ZRANGEBYSCORE', base .. ':log', '(' .. ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])) do
  out[#out + 1] = cause
  out[#out + 1] = redis.call('HGET', base .. ':messages', cause)
end
return out
