/**
 * What happens inside Redis, where one script is one step that nobody sees half done. Every key that a script touches is named
 * to it, and all of them share a hash slot. Runs on Redis 7 and 8 and on Valkey.
 */
import { redisScript, type RedisScript } from "../../clients/redis.ts";
import { ID_BYTES, IDS_AT } from "./redis-layout.ts";

/** What `STORE` gives when it stores nothing, because a later lease was given. */
export const REFUSED = "refused";

/**
 * Stores a value and enters it in its indexes.
 *
 * Keys: value, lock, directory, indexes. Arguments: bytes, life (ms), expiry (Unix ms), key, token of the lease or "", life of the
 * fence (ms), time before which index entries are over (Unix ms), names of the indexes.
 *
 * A writer with a lease is refused when a later lease was given meanwhile: it was paused for longer than its lease, and its
 * answer is older than one that others may have seen. The index comes first: what is written first decides whether a full
 * server refuses the script as a whole. Over entries are dropped a few at a time, more than are added.
 */
export const STORE: RedisScript = redisScript(`
if ARGV[5] ~= "" then
  local lock = redis.call("GET", KEYS[2])
  if lock and tonumber(string.match(lock, "^%d+")) > tonumber(ARGV[5]) then return "${REFUSED}" end
end
for i = 4, #KEYS do
  redis.call("ZADD", KEYS[i], ARGV[3], ARGV[4])
  redis.call("ZADD", KEYS[3], "GT", ARGV[3], ARGV[i + 4])
end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
if ARGV[5] ~= "" then redis.call("SET", KEYS[2], ARGV[5] .. ":", "PX", ARGV[6]) end
for i = 4, #KEYS do
  local over = redis.call("ZRANGEBYSCORE", KEYS[i], "-inf", "(" .. ARGV[7], "LIMIT", 0, 16)
  if #over > 0 then redis.call("ZREM", KEYS[i], unpack(over)) end
end
return 1
`);

/**
 * Goes through keys that an index holds: drops from the index those whose value is gone or does not belong to it, and, when told
 * to, removes the values themselves.
 *
 * Keys: index, values. Arguments: "remove" or "check", id of the index, id of a second index that values must belong to as well
 * or "", the keys in the order of the values. Gives how many values were removed.
 */
export const SWEEP: RedisScript = redisScript(`
local function belongs(ids, id)
  for at = 1, #ids, ${ID_BYTES} do
    if string.sub(ids, at, at + ${ID_BYTES - 1}) == id then return true end
  end
  return false
end
local removed, over = 0, {}
for i = 2, #KEYS do
  local stays = false
  local count = redis.call("GETRANGE", KEYS[i], 0, 1)
  if #count == 2 then
    local length = (string.byte(count, 1) * 256 + string.byte(count, 2)) * ${ID_BYTES}
    local ids = redis.call("GETRANGE", KEYS[i], ${IDS_AT}, ${IDS_AT - 1} + length)
    if belongs(ids, ARGV[2]) then
      stays = ARGV[1] == "check" or (ARGV[3] ~= "" and not belongs(ids, ARGV[3]))
      if not stays then removed = removed + redis.call("UNLINK", KEYS[i]) end
    end
  end
  if not stays then over[#over + 1] = ARGV[i + 2] end
end
if #over > 0 then redis.call("ZREM", KEYS[1], unpack(over)) end
return removed
`);

/**
 * Drops an index that holds nothing alive. Keys: directory, index. Arguments: name of the index, time before which entries are
 * over (Unix ms).
 */
export const DROP_INDEX: RedisScript = redisScript(`
if redis.call("ZCOUNT", KEYS[2], ARGV[2], "+inf") > 0 then return 0 end
redis.call("UNLINK", KEYS[2])
return redis.call("ZREM", KEYS[1], ARGV[1])
`);

/**
 * Takes the lead for a key; gives the token of the lease, 0 while another process has it, and -1 when the server takes no writes.
 *
 * Tokens come from the server's clock, in microseconds, so that they grow also after a server lost its data.
 */
const LEAD = `
local function lead()
  local last = 0
  local lock = redis.call("GET", KEYS[1])
  if lock then
    local token, owner = string.match(lock, "^(%d+):(.*)$")
    last = tonumber(token)
    if owner ~= "" and owner ~= ARGV[1] then return 0 end
  end
  local time = redis.call("TIME")
  local token = math.max(last + 1, time[1] * 1000000 + time[2])
  local held = string.format("%.0f", token) .. ":" .. ARGV[1]
  local set = redis.pcall("SET", KEYS[1], held, "PX", ARGV[2])
  if set.err then return -1 end
  return token
end
`;

/**
 * Reads a value, or takes the lead for its key where there is none: a miss in one trip. Keys: lock, value. Arguments: owner, lease
 * (ms). Gives the value, or what `LEAD` gives.
 */
export const GET_OR_LEAD: RedisScript = redisScript(`${LEAD}
return redis.call("GET", KEYS[2]) or lead()
`);

/** Takes the lead as `GET_OR_LEAD` does; in place of the value gives "landed". */
export const ENTER: RedisScript = redisScript(`${LEAD}
if redis.call("EXISTS", KEYS[2]) == 1 then return "landed" end
return lead()
`);

/** Lengthens a lease. Keys: lock. Arguments: what it holds during the lease, lease (ms). */
export const RENEW: RedisScript = redisScript(`
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`);

/** Ends a lease. Keys: lock. Arguments: what it holds during the lease. */
export const RELEASE: RedisScript = redisScript(`
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])
`);
