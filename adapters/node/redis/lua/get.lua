--! clock read-text
-- KEYS texts; ARGV time, name
return readText(KEYS[1], ARGV[2])
