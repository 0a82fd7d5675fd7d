-- Keys: KEYS[1], a status. Arguments: its JSON, its version, its lifetime in seconds.
-- Writes unless what stands there is newer: a late writer never overwrites a newer one.
local current = redis.call('GET', KEYS[1])
if current then
  local readable, value = pcall(cjson.decode, current)
  if readable and type(value) == 'table' and type(value['version']) == 'string' and value['version'] > ARGV[2] then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
