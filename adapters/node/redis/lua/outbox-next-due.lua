--! outbox
local least = false
local function look(key)
  local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if first[2] and (not least or tonumber(first[2]) < least) then least = tonumber(first[2]) end
end
look(base .. ':due')
for _, endpoint in ipairs(redis.call('SMEMBERS', base .. ':endpoints')) do look(base .. ':due:' .. endpoint) end
return least and whole(least)
