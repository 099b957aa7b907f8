--! outbox
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
