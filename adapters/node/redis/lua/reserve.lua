--! clock read-text counters
-- KEYS counters, reservations, open, texts, near, ranks; ARGV time, id, name of the expected text or '', that text, then
-- counter, period, limit or '', amount, percents with commas between of each entry -> {'reserved'} |
-- {'exceeded', index, used, reserved} | {'changed', text}
places.near, places.ranks = KEYS[5], KEYS[6]
if ARGV[3] ~= '' then
  local text = readText(KEYS[4], ARGV[3])
  if text and text ~= ARGV[4] then return {'changed', text} end
end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return {'reserved'} end
local asked, lines, told, limits = {}, {}, {}, {}
for i = 5, #ARGV, 5 do
  local counter, period, limit, amount = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  local name = counter .. ' ' .. period
  if not asked[name] then
    asked[name] = 0
    lines[#lines + 1] = name
    told[name] = limit ~= '' and ARGV[i + 4] ~= '' and ' ' .. limit .. ' ' .. ARGV[i + 4] or ''
  end
  asked[name] = asked[name] + amount
  -- A request that costs nothing is held to no limit, and says nothing of it.
  if limit ~= '' or amount > 0 then limits[name] = limit end
  if limit ~= '' then
    local used, reserved = read(KEYS[1], counter, period)
    if used + reserved + asked[name] > tonumber(limit) then
      -- A limit that was lowered below what is used may refuse everything.
      if redis.call('HGET', KEYS[1], name .. ' quota') ~= limit then change(KEYS[1], counter, period, 0, 0, limit) end
      return {'exceeded', (i - 5) / 5, used, reserved}
    end
  end
end
for i, name in ipairs(lines) do
  local counter, period = string.match(name, '^(%S+) (%S+)$')
  change(KEYS[1], counter, period, 0, asked[name], limits[name])
  lines[i] = name .. ' ' .. string.format('%.0f', asked[name]) .. told[name]
end
redis.call('HSET', KEYS[2], ARGV[2], table.concat(lines, '\n'))
redis.call('ZADD', KEYS[3], now, ARGV[2])
return {'reserved'}
