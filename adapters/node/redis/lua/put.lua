--! clock set-text
-- KEYS texts, expiry; ARGV time, name, '1' to store or '0' to remove, text, ttl or ''
dropEnded(KEYS[1], KEYS[2])
if ARGV[3] == '0' then return dropText(KEYS[1], KEYS[2], ARGV[2]) end
setText(KEYS[1], KEYS[2], ARGV[2], ARGV[4], ARGV[5])
return 1
