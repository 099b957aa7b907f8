/**
 * The ledger's decisions in Lua. The first argument of each is the time in epoch milliseconds, or empty for Redis's
 * own. Numbers go to Redis as numbers, which it prints exactly; `tostring` would round those above 10^14.
 */
const clock = `
local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local now = clock()
`;

/** A stored text is `<end or 0> <text>`. */
const readText = `
local function readText(texts, name)
  local stored = redis.call('HGET', texts, name)
  if not stored then return false end
  local space = string.find(stored, ' ', 1, true)
  local ends = tonumber(string.sub(stored, 1, space - 1))
  if ends > 0 and ends <= now then return false end
  return string.sub(stored, space + 1)
end
`;

/** `touch` makes a counter and, where it is the first of its period, drops all but one of the earlier ones of its kind. */
const counters = `
local function read(counters, counter, period)
  local found = redis.call('HMGET', counters, counter .. ' ' .. period .. ' used', counter .. ' ' .. period .. ' reserved')
  return tonumber(found[1] or 0), tonumber(found[2] or 0)
end
local function touch(counters, counter, period)
  if redis.call('HSETNX', counters, counter .. ' ' .. period .. ' used', 0) == 0 then return end
  local start, earlier, previous = counter .. ' ', {}, ''
  for _, field in ipairs(redis.call('HKEYS', counters)) do
    if string.sub(field, 1, #start) == start and string.sub(field, -5) == ' used' then
      local found = string.sub(field, #start + 1, -6)
      if #found == #period and found < period then
        earlier[#earlier + 1] = found
        if found > previous then previous = found end
      end
    end
  end
  for _, found in ipairs(earlier) do
    local _, reserved = read(counters, counter, found)
    if found ~= previous and reserved == 0 then
      redis.call('HDEL', counters, start .. found .. ' used', start .. found .. ' reserved')
    end
  end
end
local function add(counters, counter, period, what, amount)
  touch(counters, counter, period)
  redis.call('HINCRBY', counters, counter .. ' ' .. period .. ' ' .. what, amount)
end
`;

/** KEYS bucket, hits; ARGV time, limit, window, cost, '1' where nothing may stay after the window -> {allowed, remaining, resetAt} */
export const take = `${clock}
local limit, window, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local row = redis.call('HMGET', KEYS[1], 'cost', 'busy', 'calls')
local inside, busy, calls = tonumber(row[1] or 0), tonumber(row[2] or now), tonumber(row[3] or 0)
local function costOf(member) return tonumber(string.match(member, ' (%d+)$')) end
if inside > 0 then
  local left = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)
  for _, member in ipairs(left) do inside = inside - costOf(member) end
  if #left > 0 then redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now) end
  if redis.call('EXISTS', KEYS[2]) == 0 then inside = 0 end
  redis.call('HSET', KEYS[1], 'cost', inside)
end
if inside + cost > limit then
  local resetAt, excess, first = now + window, inside + cost - limit, 0
  while cost <= limit and excess > 0 do
    local oldest = redis.call('ZRANGE', KEYS[2], first, first + 99, 'WITHSCORES')
    if #oldest == 0 then break end
    for i = 1, #oldest, 2 do
      excess = excess - costOf(oldest[i])
      if excess <= 0 then
        resetAt = tonumber(oldest[i + 1])
        break
      end
    end
    first = first + 100
  end
  return {0, math.max(0, limit - inside), resetAt}
end
if cost > 0 then
  inside, busy, calls = inside + cost, math.max(busy, now + window), calls + 1
  redis.call('ZADD', KEYS[2], now + window, string.format('%.0f %.0f', calls, cost))
  redis.call('PEXPIRE', KEYS[2], window + 60000)
  redis.call('HSET', KEYS[1], 'cost', inside, 'busy', busy, 'calls', calls, 'last', now)
  if ARGV[5] == '1' then redis.call('PEXPIRE', KEYS[1], window + 60000) end
end
return {1, limit - inside, inside > 0 and busy or now}
`;

/**
 * KEYS counters, reservations, open, texts; ARGV time, id, name of the expected text or '', that text, then
 * counter, period, limit or '', amount of each entry -> {'reserved'} | {'exceeded', index, used, reserved} | {'changed', text}
 */
export const reserve = `${clock}${readText}${counters}
if ARGV[3] ~= '' then
  local text = readText(KEYS[4], ARGV[3])
  if text and text ~= ARGV[4] then return {'changed', text} end
end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return {'reserved'} end
local asked, lines = {}, {}
for i = 5, #ARGV, 4 do
  local counter, period, limit, amount = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  local name = counter .. ' ' .. period
  if not asked[name] then
    asked[name] = 0
    lines[#lines + 1] = name
  end
  asked[name] = asked[name] + amount
  if limit ~= '' then
    local used, reserved = read(KEYS[1], counter, period)
    if used + reserved + asked[name] > tonumber(limit) then
      return {'exceeded', (i - 5) / 4, used, reserved}
    end
  end
end
for i, name in ipairs(lines) do
  local counter, period = string.match(name, '^(%S+) (%S+)$')
  add(KEYS[1], counter, period, 'reserved', asked[name])
  lines[i] = name .. ' ' .. string.format('%.0f', asked[name])
end
redis.call('HSET', KEYS[2], ARGV[2], table.concat(lines, '\\n'))
redis.call('ZADD', KEYS[3], now, ARGV[2])
return {'reserved'}
`;

/**
 * KEYS counters, reservations, open, usage, estimates, estimated; ARGV time, id, '1' to charge as reserved, how many
 * actual amounts, counter and amount of each, then (if there is usage) name, day, model, requests, input, output, tokens,
 * estimated, and (if some are) the estimate's counter and for how long it is kept -> 1 if settled.
 * Giving back comes first: what has written once may go on writing when Redis is out of memory.
 */
export const settle = `${clock}${counters}
local stored = redis.call('HGET', KEYS[2], ARGV[2])
if not stored then return 0 end
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
local actual, rest = {}, 5 + 2 * tonumber(ARGV[4])
for i = 5, rest - 1, 2 do actual[ARGV[i]] = tonumber(ARGV[i + 1]) end
local periods = {}
for counter, period, amount in string.gmatch(stored, '(%S+) (%S+) (%d+)') do
  amount = tonumber(amount)
  if counter == ARGV[rest + 8] then periods[#periods + 1] = period end
  local spent = ARGV[3] == '1' and amount or actual[counter] or 0
  add(KEYS[1], counter, period, 'used', spent)
  add(KEYS[1], counter, period, 'reserved', -amount)
end
if ARGV[rest] then
  local start = ARGV[rest] .. ' ' .. ARGV[rest + 1] .. ' '
  for i, what in ipairs({'requests', 'input', 'output', 'tokens', 'estimated'}) do
    redis.call('HINCRBY', KEYS[4], start .. what .. ' ' .. ARGV[rest + 2], ARGV[rest + 2 + i])
  end
end
if ARGV[rest + 8] then
  local minute = now - now % 60000
  local field = table.concat({ARGV[rest], string.format('%.0f', minute), ARGV[rest + 1], ARGV[rest + 8],
    table.concat(periods, ','), ARGV[rest + 2]}, ' ')
  redis.call('HINCRBY', KEYS[5], field, ARGV[rest + 7])
  redis.call('ZADD', KEYS[6], minute, field)
  local old = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', now - tonumber(ARGV[rest + 9]), 'LIMIT', 0, 100)
  for _, one in ipairs(old) do
    redis.call('HDEL', KEYS[5], one)
    redis.call('ZREM', KEYS[6], one)
  end
end
return 1
`;

/** KEYS counters, usage, estimates, estimated; ARGV time, name, first minute -> how many tokens were given back */
export const creditEstimates = `
local function lower(key, field, amount)
  local found = redis.call('HGET', key, field)
  if found then redis.call('HSET', key, field, math.max(0, tonumber(found) - amount)) end
end
local credited, start = 0, ARGV[2] .. ' '
for _, field in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], ARGV[3], '+inf')) do
  if string.sub(field, 1, #start) == start then
    local tokens = tonumber(redis.call('HGET', KEYS[3], field) or 0)
    local day, counter, periods, model = string.match(string.sub(field, #start + 1), '^%S+ (%S+) (%S+) (%S*) (.*)$')
    redis.call('HDEL', KEYS[3], field)
    redis.call('ZREM', KEYS[4], field)
    for period in string.gmatch(periods, '[^,]+') do lower(KEYS[1], counter .. ' ' .. period .. ' used', tokens) end
    for _, what in ipairs({'tokens', 'output', 'estimated'}) do
      lower(KEYS[2], start .. day .. ' ' .. what .. ' ' .. model, tokens)
    end
    credited = credited + tokens
  end
end
return credited
`;

/** KEYS open; ARGV time, age -> ids of the reservations that are older */
export const stale = `${clock}
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - tonumber(ARGV[2])))
`;

/** KEYS counters; ARGV time, counter, period, delta */
export const adjust = `${clock}${counters}
local used = read(KEYS[1], ARGV[2], ARGV[3])
touch(KEYS[1], ARGV[2], ARGV[3])
redis.call('HSET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3] .. ' used', math.max(0, used + tonumber(ARGV[4])))
return 1
`;

/**
 * KEYS counters, usage, texts, reservations, estimates, expiry, open, estimated; ARGV time, prefix. A name is a field's
 * first word.
 */
export const forget = `
local prefix = ARGV[2]
for i = 1, 5 do
  for _, field in ipairs(redis.call('HKEYS', KEYS[i])) do
    if string.sub(field, 1, #prefix) == prefix then
      redis.call('HDEL', KEYS[i], field)
      if i >= 3 then redis.call('ZREM', KEYS[i + 3], field) end
    end
  end
end
return 1
`;

/** KEYS texts; ARGV time, name */
export const get = `${clock}${readText}
return readText(KEYS[1], ARGV[2])
`;

/** KEYS texts, expiry; ARGV time, name, '1' to store or '0' to remove, text, ttl or ''. Each new end clears two old ones. */
export const put = `${clock}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 2)) do
  redis.call('ZREM', KEYS[2], name)
  redis.call('HDEL', KEYS[1], name)
end
redis.call('ZREM', KEYS[2], ARGV[2])
if ARGV[3] == '0' then return redis.call('HDEL', KEYS[1], ARGV[2]) end
local ends = 0
if ARGV[5] ~= '' then
  ends = now + tonumber(ARGV[5])
  redis.call('ZADD', KEYS[2], ends, ARGV[2])
end
redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f ', ends) .. ARGV[4])
return 1
`;

/**
 * KEYS texts, expiry; ARGV time, name, '1' if a text is expected, it, '1' to store or '0' to remove, text, ttl or ''
 * -> 1 if it is there now
 */
export const replace = `${clock}${readText}
local current = readText(KEYS[1], ARGV[2])
local expected, wanted = ARGV[3] == '1' and ARGV[4], ARGV[5] == '1' and ARGV[6]
if current ~= expected and current ~= wanted then return 0 end
redis.call('ZREM', KEYS[2], ARGV[2])
if not wanted then
  redis.call('HDEL', KEYS[1], ARGV[2])
  return 1
end
local ends = 0
if ARGV[7] ~= '' then
  ends = now + tonumber(ARGV[7])
  redis.call('ZADD', KEYS[2], ends, ARGV[2])
end
redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f ', ends) .. wanted)
return 1
`;

const setClaim = `
local function setClaim(claims, ending, name, owner, note, ttl)
  local claim = {owner = owner, note = note}
  if ttl ~= '' then
    claim.ends = string.format('%.0f', now + tonumber(ttl))
    redis.call('SADD', ending, name)
  else
    redis.call('SREM', ending, name)
  end
  redis.call('HSET', claims, name, cjson.encode(claim))
end
`;

/**
 * KEYS claims, ending; ARGV time, name, owner, ttl or '', note preceded by '=', or '' -> {granted, holder or abandoned
 * note or false}.
 */
export const claim = `${clock}${setClaim}
local stored = redis.call('HGET', KEYS[1], ARGV[2])
local held = stored and cjson.decode(stored)
local mine = held and held.owner == ARGV[3]
local ends = held and held.ends and tonumber(held.ends)
if held and not mine and not (ends and ends <= now) then return {0, held.owner} end
local note = ARGV[5] ~= '' and string.sub(ARGV[5], 2) or nil
local left = held and held.note
setClaim(KEYS[1], KEYS[2], ARGV[2], ARGV[3], mine and (note or left) or left or note, ARGV[4])
return {1, held and not mine and left or false}
`;

/** KEYS claims, ending; ARGV time, name, owner, ttl or '', note preceded by '=', or '', from -> 1 if renewed */
export const renew = `${clock}${setClaim}
local stored = redis.call('HGET', KEYS[1], ARGV[2])
local held = stored and cjson.decode(stored)
if not held or held.owner ~= ARGV[6] then return 0 end
local note = ARGV[5] ~= '' and string.sub(ARGV[5], 2) or held.note
setClaim(KEYS[1], KEYS[2], ARGV[2], ARGV[3], note, ARGV[4])
return 1
`;

/** KEYS claims; ARGV time, name -> owner or false */
export const holder = `
local stored = redis.call('HGET', KEYS[1], ARGV[2])
return stored and cjson.decode(stored).owner or false
`;

/** KEYS claims, ending; ARGV time, name, owner */
export const release = `
local stored = redis.call('HGET', KEYS[1], ARGV[2])
if not stored or cjson.decode(stored).owner ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('SREM', KEYS[2], ARGV[2])
return 1
`;

/** KEYS claims, ending; ARGV time -> {name, owner, expired, note or false, ...} of the claims with a TTL */
export const ending = `${clock}
local rows = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local stored = redis.call('HGET', KEYS[1], name)
  if stored then
    local held = cjson.decode(stored)
    rows[#rows + 1] = {name, held.owner, tonumber(held.ends) <= now and 1 or 0, held.note or false}
  end
end
return rows
`;
