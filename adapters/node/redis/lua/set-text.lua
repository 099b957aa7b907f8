-- As `readText` reads it. `ttl`: '' for no end.
-- A shard that no name comes to again, as an operation's, goes a minute after the last of its texts.
local function endShard(texts, expiry)
  if redis.call('HLEN', texts) > redis.call('ZCARD', expiry) then
    redis.call('PERSIST', texts)
    redis.call('PERSIST', expiry)
    return
  end
  local last = redis.call('ZRANGE', expiry, -1, -1, 'WITHSCORES')[2]
  if not last then return end
  local left = string.format('%.0f', math.max(0, tonumber(last) - now) + 60000)
  redis.call('PEXPIRE', texts, left)
  redis.call('PEXPIRE', expiry, left)
end
local function setText(texts, expiry, name, text, ttl)
  local ends = 0
  if ttl ~= '' then
    ends = now + tonumber(ttl)
    redis.call('ZADD', expiry, ends, name)
  else
    redis.call('ZREM', expiry, name)
  end
  redis.call('HSET', texts, name, string.format('%.0f ', ends) .. text)
  endShard(texts, expiry)
end
local function dropText(texts, expiry, name)
  redis.call('ZREM', expiry, name)
  local dropped = redis.call('HDEL', texts, name)
  endShard(texts, expiry)
  return dropped
end
-- Each new end clears two old ones.
local function dropEnded(texts, expiry)
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', expiry, '-inf', now, 'LIMIT', 0, 2)) do
    dropText(texts, expiry, name)
  end
end
