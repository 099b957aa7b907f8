--! outbox
local limit, memory = tonumber(ARGV[2]), tonumber(ARGV[4])
local function forget(endpoint, id)
  redis.call('HDEL', base .. ':deliveries:' .. endpoint, id)
  redis.call('ZREM', base .. ':due:' .. endpoint, id)
  redis.call('ZREM', base .. ':created:' .. endpoint, id)
end
local out, except, found = {}, {}, {}
for i = 6, #ARGV do except[ARGV[i]] = true end
local function collect(endpoint, key)
  local rows = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 1, #rows, 2 do found[#found + 1] = {endpoint = endpoint, name = rows[i], due = tonumber(rows[i + 1])} end
end
collect('', base .. ':due')
for _, endpoint in ipairs(redis.call('SMEMBERS', base .. ':endpoints')) do
  if not except[endpoint] then collect(endpoint, base .. ':due:' .. endpoint) end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. ':created:' .. endpoint, '-inf', now - memory, 'LIMIT', 0, 20)) do
    local row = delivery(endpoint, id)
    if not row or row.state ~= 'pending' then forget(endpoint, id) end
  end
end
local function isPending(id)
  for _, endpoint in ipairs(redis.call('SMEMBERS', base .. ':endpoints')) do
    if redis.call('ZSCORE', base .. ':due:' .. endpoint, id) then return true end
  end
  return false
end
for _, cause in ipairs(redis.call('ZRANGEBYSCORE', base .. ':kept', '-inf', now, 'LIMIT', 0, 20)) do
  local row = message(cause)
  if row and (not row.seq or isPending(row.id)) then
    -- What cannot go yet keeps none of the others here.
    redis.call('ZADD', base .. ':kept', now + 3600000, cause)
  else
    redis.call('HDEL', base .. ':messages', cause)
    redis.call('ZREM', base .. ':kept', cause)
    redis.call('ZREM', base .. ':log', cause)
  end
end
table.sort(found, function(a, b) return a.due < b.due end)
for i = 1, math.min(limit, #found) do
  local one = found[i]
  local lease = ARGV[5] .. '.' .. i
  if one.endpoint == '' then
    local row = message(one.name)
    if row then
      row.lease = lease
      save(one.name, row)
      redis.call('ZADD', base .. ':due', now + tonumber(ARGV[3]), one.name)
      for _, value in ipairs({one.name, cjson.encode(row), '', '', '0', lease}) do out[#out + 1] = value end
    else
      -- A Redis that throws keys away when memory is short.
      redis.call('ZREM', base .. ':due', one.name)
    end
  else
    local row = delivery(one.endpoint, one.name)
    local about = row and message(row.cause)
    if about then
      row.lease = lease
      saveDelivery(one.endpoint, one.name, row)
      redis.call('ZADD', base .. ':due:' .. one.endpoint, now + tonumber(ARGV[3]), one.name)
      for _, value in ipairs({row.cause, cjson.encode(about), one.endpoint, one.name, whole(row.attempts), lease}) do
        out[#out + 1] = value
      end
    else
      forget(one.endpoint, one.name)
    end
  end
end
return out
