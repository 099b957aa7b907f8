/**
 * The outbox's decisions in Lua. The first argument of each is the time in epoch milliseconds, or empty for Redis's
 * own; the first key is the base of all others, which share its hash tag. Times and amounts are kept as texts: cjson
 * would round large numbers.
 *
 * | key, after the base     | holds                                                                  |
 * |-------------------------|------------------------------------------------------------------------|
 * | `:messages`             | hash by cause, in JSON                                                 |
 * | `:due`                  | sorted set: causes not yet spread, by when they are due                |
 * | `:log`, `:seq`          | sorted set: causes that were spread, by their number; the last number  |
 * | `:kept`                 | sorted set: causes by when they are forgotten                          |
 * | `:endpoints`            | set of the endpoints that have deliveries                              |
 * | `:deliveries:<endpoint>`| hash by message id, in JSON                                            |
 * | `:due:<endpoint>`       | sorted set: message ids by when they are due                           |
 * | `:created:<endpoint>`   | sorted set: message ids by when they were made                         |
 */
const common = `
local base = KEYS[1]
local now = ARGV[1]
if now == '' then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
now = tonumber(now)
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
`;

/** ARGV time, cause, type, at, data, used or '', due or '' for now, keep until -> 1 where the cause was unknown */
export const put = `${common}
return put(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8])
`;

/**
 * ARGV time, limit, end of the lease, memory, start of the leases, endpoints to leave out
 * -> {cause, message, '' | endpoint, id, attempts, lease, ...}
 */
export const take = `${common}
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
for _, cause in ipairs(redis.call('ZRANGEBYSCORE', base .. ':kept', '-inf', now, 'LIMIT', 0, 20)) do
  local row = message(cause)
  if not row or row.seq then
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
    row.lease = lease
    save(one.name, row)
    redis.call('ZADD', base .. ':due', now + tonumber(ARGV[3]), one.name)
    for _, value in ipairs({one.name, cjson.encode(row), '', '', '0', lease}) do out[#out + 1] = value end
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
`;

/** ARGV time, cause, lease, id, memory, endpoints -> 1 where the lease was held */
export const spread = `${common}
local row = message(ARGV[2])
if not row or row.lease ~= ARGV[3] then return 0 end
number(ARGV[2], row, ARGV[4])
keepUntil(ARGV[2], row, now + tonumber(ARGV[5]))
save(ARGV[2], row)
for i = 6, #ARGV do add(ARGV[i], ARGV[4], ARGV[2], now, '') end
return 1
`;

/** ARGV as for `put`, then id, endpoint, milliseconds of the lease, lease */
export const begin = `${common}
put(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8])
local row = message(ARGV[2])
number(ARGV[2], row, ARGV[9])
save(ARGV[2], row)
add(ARGV[10], ARGV[9], ARGV[2], now + tonumber(ARGV[11]), ARGV[12])
return 1
`;

/** ARGV time, endpoint, id, lease, state, due or '', then (of an attempt) at, ms, status or '', error or '' */
export const record = `${common}
local endpoint, id = ARGV[2], ARGV[3]
local row = delivery(endpoint, id)
if not row or row.lease ~= ARGV[4] then return 0 end
row.lease = nil
row.state = ARGV[5]
if ARGV[7] then
  row.attempts = row.attempts + 1
  row.last = {at = ARGV[7], ms = ARGV[8], status = ARGV[9], error = ARGV[10]}
end
saveDelivery(endpoint, id, row)
if ARGV[6] == '' then redis.call('ZREM', base .. ':due:' .. endpoint, id)
else redis.call('ZADD', base .. ':due:' .. endpoint, ARGV[6], id) end
return 1
`;

/** ARGV time, endpoint, id, memory -> 1 where there is one */
export const resend = `${common}
local row = delivery(ARGV[2], ARGV[3])
if not row or tonumber(row.created) <= now - tonumber(ARGV[4]) then return 0 end
row.lease = nil
row.state = 'pending'
row.attempts = 0
saveDelivery(ARGV[2], ARGV[3], row)
redis.call('ZADD', base .. ':due:' .. ARGV[2], now, ARGV[3])
return 1
`;

/** ARGV time, endpoint */
export const discard = `${common}
for _, kind in ipairs({':deliveries:', ':due:', ':created:'}) do redis.call('DEL', base .. kind .. ARGV[2]) end
return redis.call('SREM', base .. ':endpoints', ARGV[2])
`;

/** ARGV time, endpoint, how many, memory, created and id of the last of the page before, or '' -> {id, type, row, due or '', ...} */
export const page = `${common}
local endpoint, out, from = ARGV[2], {}, 0
local key = base .. ':created:' .. endpoint
while #out < 4 * tonumber(ARGV[3]) do
  local rows = redis.call('ZREVRANGEBYSCORE', key, ARGV[5] == '' and '+inf' or ARGV[5], whole(now - tonumber(ARGV[4]) + 1),
    'WITHSCORES', 'LIMIT', from, 100)
  if #rows == 0 then break end
  from = from + 100
  for i = 1, #rows, 2 do
    local id = rows[i]
    local isAfter = ARGV[5] == '' or tonumber(rows[i + 1]) < tonumber(ARGV[5]) or id < ARGV[6]
    local row = isAfter and #out < 4 * tonumber(ARGV[3]) and delivery(endpoint, id)
    local about = row and message(row.cause)
    if about then
      local due = redis.call('ZSCORE', base .. ':due:' .. endpoint, id)
      for _, value in ipairs({id, about.type, cjson.encode(row), due and whole(due) or ''}) do out[#out + 1] = value end
    end
  end
end
return out
`;

/** -> when something is due next, or false */
export const nextDue = `${common}
local least = false
local function look(key)
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] and (not least or tonumber(first[2]) < least) then least = tonumber(first[2]) end
end
look(base .. ':due')
for _, endpoint in ipairs(redis.call('SMEMBERS', base .. ':endpoints')) do look(base .. ':due:' .. endpoint) end
return least and whole(least)
`;

/** ARGV time, after or '', how many -> {last, cause, message, ...} */
export const recent = `${common}
local out = {redis.call('GET', base .. ':seq') or '0'}
if ARGV[2] == '' then return out end
for _, cause in ipairs(redis.call('ZRANGEBYSCORE', base .. ':log', '(' .. ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])) do
  out[#out + 1] = cause
  out[#out + 1] = redis.call('HGET', base .. ':messages', cause)
end
return out
`;
