-- KEYS usage; ARGV name, first day, last day -> fields and amounts of those days
local start, out = ARGV[1] .. ' ', {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local day = string.sub(all[i], 1, #start) == start and string.sub(all[i], #start + 1, #start + 10)
  if day and day >= ARGV[2] and day <= ARGV[3] then
    out[#out + 1] = all[i]
    out[#out + 1] = all[i + 1]
  end
end
return out
