-- KEYS counters, usage, texts, reservations, estimates, expiry, open, estimated, near, ranks, names; ARGV time, prefix. A name is a field's
-- first word.
local prefix = ARGV[2]
for i = 1, 5 do
  for _, field in ipairs(redis.call('HKEYS', KEYS[i])) do
    if string.sub(field, 1, #prefix) == prefix then
      redis.call('HDEL', KEYS[i], field)
      if i >= 3 then redis.call('ZREM', KEYS[i + 3], field) end
    end
  end
end
for i = 9, 10 do
  for _, name in ipairs(redis.call('ZRANGE', KEYS[i], 0, -1)) do
    if string.sub(name, 1, #prefix) == prefix then redis.call('ZREM', KEYS[i], name) end
  end
end
for _, name in ipairs(redis.call('SMEMBERS', KEYS[11])) do
  if string.sub(name, 1, #prefix) == prefix then redis.call('SREM', KEYS[11], name) end
end
return 1
