-- Keys: KEYS[1], a status; KEYS[2], the seal. Arguments: its JSON, its version, its lifetime in seconds, the writer's environment.
-- Writes unless what stands there is newer: a late writer never overwrites a newer one. Writes nothing (-1) into the Redis
-- of another environment, whenever that was sealed.
local seal = redis.call('GET', KEYS[2])
if seal and seal ~= ARGV[4] then
  return -1
end
local current = redis.call('GET', KEYS[1])
if current then
  local readable, value = pcall(cjson.decode, current)
  if readable and type(value) == 'table' and type(value['version']) == 'string' and value['version'] > ARGV[2] then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
