--! clock set-text
-- KEYS texts, expiry; ARGV time, name, '1' to store or '0' to remove, text, ttl or ''. Each new end clears two old ones.
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 2)) do
  dropText(KEYS[1], KEYS[2], name)
end
if ARGV[3] == '0' then return dropText(KEYS[1], KEYS[2], ARGV[2]) end
setText(KEYS[1], KEYS[2], ARGV[2], ARGV[4], ARGV[5])
return 1
