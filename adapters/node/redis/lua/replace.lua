--! clock read-text set-text
-- KEYS texts, expiry; ARGV time, name, '1' if a text is expected, it, '1' to store or '0' to remove, text, ttl or ''
-- -> 1 if it is there now
local current = readText(KEYS[1], ARGV[2])
local expected, wanted = ARGV[3] == '1' and ARGV[4], ARGV[5] == '1' and ARGV[6]
if current ~= expected and current ~= wanted then return 0 end
dropEnded(KEYS[1], KEYS[2])
if wanted then setText(KEYS[1], KEYS[2], ARGV[2], wanted, ARGV[7])
else dropText(KEYS[1], KEYS[2], ARGV[2]) end
return 1
