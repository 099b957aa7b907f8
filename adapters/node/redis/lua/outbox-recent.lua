--! outbox
local out = {redis.call('GET', base .. ':seq') or '0'}
if ARGV[2] == '' then return out end
for _, cause in ipairs(redis.call('ZRANGEBYSCORE', base .. ':log', '(' .. ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])) do
  local stored = redis.call('HGET', base .. ':messages', cause)
  if stored then
    out[#out + 1] = cause
    out[#out + 1] = stored
  else
    -- Redis threw it away: a page of such would be looked at again and again.
    redis.call('ZREM', base .. ':log', cause)
  end
end
return out
