/**
 * What happens in Redis, each in one step. The keys of a partition share a hash slot: the vector set, a hash with the times and tags of its
 * elements (`<expiry>;,tag,tag,`), and a sorted set of those that expire. Nothing of what a script is given becomes part of an
 * expression: the filters of vector sets are not used, since they are texts.
 */
import { redisScript, type RedisScript } from "../../clients/redis.ts";

const DROP = `
local function drop(id)
  redis.call('VREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
end
`;

/** Arguments: now, dimensions, then id, expiry or an empty text, tags, vector for each. Gives the dimensions there when they differ. */
export const ADD: RedisScript = redisScript(`${DROP}
local here = redis.call('EXISTS', KEYS[1]) == 1 and redis.call('VDIM', KEYS[1]) or tonumber(ARGV[2])
if here ~= tonumber(ARGV[2]) then return here end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', 0, 100)) do drop(id) end
for at = 3, #ARGV, 4 do
  redis.call('VADD', KEYS[1], 'FP32', ARGV[at + 3], ARGV[at], 'NOQUANT')
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1] .. ';' .. ARGV[at + 2])
  if ARGV[at + 1] == '' then redis.call('ZREM', KEYS[3], ARGV[at])
  else redis.call('ZADD', KEYS[3], ARGV[at + 1], ARGV[at]) end
end
return 0
`);

/**
 * Arguments: now, dimensions, k, tag or an empty text, vector, up to how many elements the search is exact, effort. Gives ids and scores,
 * or the dimensions there. What is dead, or has another tag, is passed over and more is asked for, until there is no more.
 */
export const SEARCH: RedisScript = redisScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
local here = redis.call('VDIM', KEYS[1])
if here ~= tonumber(ARGV[2]) then return here end
local all, k = redis.call('VCARD', KEYS[1]), tonumber(ARGV[3])
local count = math.min(all, 2 * k + 16)
while true do
  local found
  if all <= tonumber(ARGV[6]) or count == all then
    found = redis.call('VSIM', KEYS[1], 'FP32', ARGV[5], 'WITHSCORES', 'COUNT', count, 'TRUTH')
  else
    found = redis.call('VSIM', KEYS[1], 'FP32', ARGV[5], 'WITHSCORES', 'COUNT', count, 'EF', math.max(count, tonumber(ARGV[7])))
  end
  local matches = {}
  for at = 1, #found, 2 do
    local held = redis.call('HGET', KEYS[2], found[at])
    if held then
      local border = string.find(held, ';', 1, true)
      local expires = string.sub(held, 1, border - 1)
      local lives = expires == '' or tonumber(expires) > tonumber(ARGV[1])
      if lives and (ARGV[4] == '' or string.find(held, ',' .. ARGV[4] .. ',', border, true)) then
        matches[#matches + 1] = found[at]
        matches[#matches + 1] = found[at + 1]
        if #matches == 2 * k then return matches end
      end
    end
  end
  if count >= all then return matches end
  count = math.min(all, 4 * count)
end
`);

/** Arguments: now, tag or an empty text, then ids; without any, all. Gives how many of the removed ones were alive. */
export const REMOVE: RedisScript = redisScript(`${DROP}
if #ARGV == 2 and ARGV[2] == '' then
  local lives = redis.call('HLEN', KEYS[2]) - redis.call('ZCOUNT', KEYS[3], '-inf', ARGV[1])
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  return lives
end
local ids = {}
if #ARGV == 2 then ids = redis.call('HKEYS', KEYS[2]) else for at = 3, #ARGV do ids[#ids + 1] = ARGV[at] end end
local removed = 0
for _, id in ipairs(ids) do
  local held = redis.call('HGET', KEYS[2], id)
  if held then
    local border = string.find(held, ';', 1, true)
    if ARGV[2] == '' or string.find(held, ',' .. ARGV[2] .. ',', border, true) then
      local expires = string.sub(held, 1, border - 1)
      if expires == '' or tonumber(expires) > tonumber(ARGV[1]) then removed = removed + 1 end
      drop(id)
    end
  end
end
return removed
`);
