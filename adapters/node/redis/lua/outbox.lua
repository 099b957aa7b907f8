--! clock
-- The outbox's decisions in Lua. The first key is the base of all others, which share its hash tag. Times and amounts
-- are kept as texts: cjson would round large numbers.
--
-- | key, after the base     | holds                                                                  |
-- |-------------------------|------------------------------------------------------------------------|
-- | `:messages`             | hash by cause, in JSON                                                 |
-- | `:due`                  | sorted set: causes not yet spread, by when they are due                |
-- | `:log`, `:seq`          | sorted set: causes that were spread, by their number; the last number  |
-- | `:kept`                 | sorted set: causes by when they are forgotten                          |
-- | `:endpoints`            | set of the endpoints that have deliveries                              |
-- | `:deliveries:<endpoint>`| hash by message id, in JSON                                            |
-- | `:due:<endpoint>`       | sorted set: message ids by when they are due                           |
-- | `:created:<endpoint>`   | sorted set: message ids by when they were made                         |
local base = KEYS[1]
local function whole(number) return string.format('%.0f', number) end
local function message(cause)
  local stored = redis.call('HGET', base .. ':messages', cause)
  return stored and cjson.decode(stored)
end
local function save(cause, row) redis.call('HSET', base .. ':messages', cause, cjson.encode(row)) end
local function delivery(endpoint, id)
  local stored = redis.call('HGET', base .. ':deliveries:' .. endpoint, id)
  return stored and cjson.decode(stored)
end
local function saveDelivery(endpoint, id, row)
  redis.call('HSET', base .. ':deliveries:' .. endpoint, id, cjson.encode(row))
end
local function put(cause, kind, at, data, used, due, keep)
  if redis.call('HEXISTS', base .. ':messages', cause) == 1 then return 0 end
  local row = {type = kind, at = at, data = data, keep = keep}
  if used ~= '' then row.used = used end
  save(cause, row)
  redis.call('ZADD', base .. ':due', due == '' and now or due, cause)
  redis.call('ZADD', base .. ':kept', keep, cause)
  return 1
end
local function number(cause, row, id)
  row.lease = nil
  row.id = id
  row.seq = whole(redis.call('INCR', base .. ':seq'))
  redis.call('ZREM', base .. ':due', cause)
  redis.call('ZADD', base .. ':log', row.seq, cause)
end
local function add(endpoint, id, cause, due, lease)
  if redis.call('HEXISTS', base .. ':deliveries:' .. endpoint, id) == 1 then return end
  local row = {cause = cause, created = whole(now), state = 'pending', attempts = 0}
  if lease ~= '' then row.lease = lease end
  saveDelivery(endpoint, id, row)
  redis.call('SADD', base .. ':endpoints', endpoint)
  redis.call('ZADD', base .. ':due:' .. endpoint, due, id)
  redis.call('ZADD', base .. ':created:' .. endpoint, now, id)
end
local function keepUntil(cause, row, time)
  if tonumber(row.keep) < time then
    row.keep = whole(time)
    redis.call('ZADD', base .. ':kept', time, cause)
  end
end
