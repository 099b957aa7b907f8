local function setLease(claims, ending, name, owner, note, ttl)
  local claim = {owner = owner, note = note}
  if ttl ~= '' then
    claim.ends = string.format('%.0f', now + tonumber(ttl))
    redis.call('SADD', ending, name)
  else
    redis.call('SREM', ending, name)
  end
  redis.call('HSET', claims, name, cjson.encode(claim))
end
