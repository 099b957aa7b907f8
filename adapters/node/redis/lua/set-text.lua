-- As `readText` reads it. `ttl`: '' for no end.
local function setText(texts, expiry, name, text, ttl)
  local ends = 0
  if ttl ~= '' then
    ends = now + tonumber(ttl)
    redis.call('ZADD', expiry, ends, name)
  else
    redis.call('ZREM', expiry, name)
  end
  redis.call('HSET', texts, name, string.format('%.0f ', ends) .. text)
end
local function dropText(texts, expiry, name)
  redis.call('ZREM', expiry, name)
  return redis.call('HDEL', texts, name)
end
