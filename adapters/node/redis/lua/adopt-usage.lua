--! adopt
-- KEYS names, usage, counters, ranks; ARGV name, where all usage of a day is -> 1 if it was not among the names
if adopt(KEYS[1], KEYS[2], ARGV[2], ARGV[1]) == 0 then return 0 end
for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
  local name = string.match(field, '^(%S+ %d%d%d%d%-%d%d) used$')
  local used = name and tonumber(redis.call('HGET', KEYS[3], field))
  if used and used > 0 then redis.call('ZADD', KEYS[4], used, name) end
end
return 1
