--! outbox
put(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8])
local row = message(ARGV[2])
number(ARGV[2], row, ARGV[9])
save(ARGV[2], row)
add(ARGV[10], ARGV[9], ARGV[2], now + tonumber(ARGV[11]), ARGV[12])
return 1
