-- Release 1.0.0 kept no sums over all names: what a name used before it is among those that are summed up goes there
-- now. `all`: where all usage of a day is.
local function adopt(names, usage, all, name)
  if redis.call('SADD', names, name) == 0 then return 0 end
  for _, field in ipairs(redis.call('HKEYS', usage)) do
    if string.sub(field, 1, #name + 1) == name .. ' ' then
      local day, sum = string.match(string.sub(field, #name + 2), '^(%S+) (.*)$')
      redis.call('HINCRBY', all .. day, sum, redis.call('HGET', usage, field))
    end
  end
  return 1
end
