--! outbox
local row = message(ARGV[2])
if not row or row.lease ~= ARGV[3] then return 0 end
number(ARGV[2], row, ARGV[4])
if ARGV[6] ~= '' then row.data = ARGV[6] end
keepUntil(ARGV[2], row, now + tonumber(ARGV[5]))
save(ARGV[2], row)
for i = 7, #ARGV do add(ARGV[i], ARGV[4], ARGV[2], now, '') end
return 1
