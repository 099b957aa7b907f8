--! clock
-- KEYS claims, ending; ARGV time -> {name, owner, expired, note or false, ...} of the claims with a TTL
local rows = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local stored = redis.call('HGET', KEYS[1], name)
  if stored then
    local held = cjson.decode(stored)
    rows[#rows + 1] = {name, held.owner, tonumber(held.ends) <= now and 1 or 0, held.note or false}
  end
end
return rows
