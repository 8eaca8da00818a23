/**
 * What is done to the history in Redis in one step. Each script touches keys of one hash slot only; `layout.ts` says what
 * they hold. Lua numbers are doubles, which hold every number up to 2^53; they are written with `%.0f`, since Lua's own form
 * rounds from 10^14 on.
 */
import { redisScript, type RedisScript } from "../../clients/redis.ts";

const SHARED: readonly string[] = [
  `
local function text(number) return string.format('%.0f', number) end
`,
  `
local function milliseconds()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
`,
  `
-- Whether the window holds every message from its first on.
local function isWarm(state, window)
  local found = redis.call('HMGET', state, 'warm', 'n')
  return found[1] == '1' and tonumber(found[2]) == redis.call('ZCARD', window)
end
`,
  `
-- Whether it is, and was made since the server began to run: one that was killed may have come back without its last second.
local function isWarmSince(state, window, run)
  return (redis.call('HGET', state, 'r') or '') == run and isWarm(state, window)
end
`,
  `
-- Whether the window lacks messages that may be committed: 'no', 'yes', or 'ended' when one who said so has not come back in time.
local function doubtOf(state)
  local list = redis.call('HGET', state, 'd')
  if not list or list == '' then return 'no' end
  local now = milliseconds()
  for ends in string.gmatch(list, ' (%d+);') do
    if tonumber(ends) <= now then return 'ended' end
  end
  return 'yes'
end
`,
  `
local function firstUndrained(undrained)
  return redis.call('ZRANGE', undrained, 0, 0)[1]
end
`,
  `
-- Whatever was read from PostgreSQL before this is not installed any more.
local function makeCold(state, token)
  redis.call('HSET', state, 'warm', '0', 'v', token)
end
`,
  `
-- What the author of an ended doubt was told is committed by now: who reads PostgreSQL from here on sees it.
local function endDoubts(state, token)
  if doubtOf(state) ~= 'ended' then return end
  local left, now = {}, milliseconds()
  for author, ends in string.gmatch(redis.call('HGET', state, 'd'), '([^ ;]+) (%d+);') do
    if tonumber(ends) > now then left[#left + 1] = author .. ' ' .. ends .. ';' end
  end
  redis.call('HSET', state, 'd', table.concat(left))
  makeCold(state, token)
end
`,
  `
-- Sets until when an author is waited for; with 0 he is not any more.
local function setDoubt(state, author, forMs)
  local list = redis.call('HGET', state, 'd') or ''
  local changed = list
  local from, to = string.find(list, author .. ' ', 1, true)
  if from then
    to = string.find(list, ';', to, true)
    changed = string.sub(list, 1, from - 1) .. string.sub(list, to + 1)
  end
  if forMs > 0 then changed = changed .. author .. ' ' .. text(milliseconds() + forMs) .. ';' end
  if changed ~= list then redis.call('HSET', state, 'd', changed) end
end
`,
  `
-- Whoever noted a doubt counts on it: he may say that he has committed before he feeds the window. Where the state was lost and the
-- doubts with it (flushed, evicted, ended), or the server may have come back without them, nobody goes by the window for so long.
local function keepDoubts(state, run, forMs)
  if redis.call('HGET', state, 'k') == run then return end
  redis.call('HSET', state, 'k', run)
  setDoubt(state, '?', tonumber(forMs))
end
`,
  `
-- Removes what is above the size wanted and is not needed any more.
local function trim(set, keep, undrained)
  local count = redis.call('ZCARD', set)
  if count <= keep then return 0 end
  local limit = tonumber(redis.call('ZRANGE', set, count - keep, count - keep, 'WITHSCORES')[2])
  local low = firstUndrained(undrained)
  if low and tonumber(low) < limit then limit = tonumber(low) end
  return redis.call('ZREMRANGEBYSCORE', set, '-inf', '(' .. text(limit))
end
`,
  `
-- The state ends by itself, but not before everything of the window is stored; \`p\` says that it does not.
local function expireState(state, undrained, ttl)
  if redis.call('EXISTS', undrained) == 1 then return false end
  redis.call('HDEL', state, 'p')
  redis.call('PEXPIRE', state, ttl)
  return true
end
`,
  `
-- So does the window.
local function expire(state, window, ids, undrained, ttl)
  if not expireState(state, undrained, ttl) then return end
  redis.call('PEXPIRE', window, ttl)
  redis.call('PEXPIRE', ids, ttl)
end
`,
  `
local function settle(state, window, ids, undrained, keep, keepIds, ttl)
  if trim(window, keep, undrained) > 0 then redis.call('HSET', state, 'all', '0') end
  trim(ids, keepIds, undrained)
  redis.call('HSET', state, 'n', redis.call('ZCARD', window))
  expire(state, window, ids, undrained, ttl)
end
`,
];

/** With those of the shared functions that it calls: Lua makes each of them anew in every run, which costs an append a tenth of its time. */
function script(lua: string): RedisScript {
  const called = (text: string, part: string): boolean => text.includes(`${/^local function (\w+)/m.exec(part)?.[1]}(`);
  return redisScript(SHARED.reduceRight((text, part) => (called(text, part) ? part + text : text), lua));
}

/** Messages in one entry: Lua passes a list of at most some thousand arguments. */
const MESSAGES_IN_ENTRY = 500;

const KEYS_OF_APPEND = "local state, window, ids, undrained, stream, bytes, owner, sequence, epoch = unpack(KEYS)";

/**
 * `ARGV` from the fifth on: id and message in turn. `last` is the highest number given, `found[4]` whether nothing ends by itself. Gives
 * `answer` and how many were new, `count`.
 */
const TAKE = `
local own, forWindow, forIds, place = {}, {}, {}, 0
local size = #ARGV[1] + #ARGV[2]
for at = 5, #ARGV, 2 do
  local id = ARGV[at]
  if not own[id] then
    local known = redis.call('ZSCORE', ids, id)
    if known then
      own[id] = text(tonumber(known))
    else
      last = last + 1
      known = text(last)
      own[id] = known
      local packed = known .. '|' .. ARGV[at + 1]
      forWindow[place + 1], forWindow[place + 2] = known, packed
      forIds[place + 1], forIds[place + 2] = known, id
      place = place + 2
      size = size + #packed + 64
    end
  end
end
local count, answer = place / 2, forWindow[1]
if place < #ARGV - 4 then
  answer = {'ok', count}
  for at = 5, #ARGV, 2 do answer[#answer + 1] = own[ARGV[at]] end
end
if count == 0 then return answer end
local held = redis.call('INCRBY', bytes, size)
if held > tonumber(ARGV[3]) then
  redis.call('DECRBY', bytes, size)
  return {'full', held - size}
end
redis.call('SET', sequence, text(last))
for from = 1, place, ${2 * MESSAGES_IN_ENTRY} do
  local to = math.min(place, from + ${2 * MESSAGES_IN_ENTRY - 1})
  redis.call('ZADD', window, unpack(forWindow, from, to))
  redis.call('ZADD', ids, unpack(forIds, from, to))
  local entry, top, part = {'c', ARGV[1], 'n', ARGV[2]}, 4, 0
  for at = from + 1, to, 2 do
    entry[top + 1], entry[top + 2] = 'm', forWindow[at]
    top = top + 2
    part = part + #forWindow[at] + 64
  end
  if from == 1 then part = part + #ARGV[1] + #ARGV[2] end
  entry[top + 1], entry[top + 2] = 'z', part
  redis.call('XADD', stream, '*', unpack(entry))
  redis.call('ZADD', undrained, forWindow[from], forWindow[from])
end
if found[4] ~= '1' then
  redis.call('PERSIST', state)
  redis.call('PERSIST', window)
  redis.call('PERSIST', ids)
  redis.call('ZADD', owner, 0, ARGV[1])
  redis.call('HSET', state, 'p', '1')
end
`;

/**
 * Numbers messages and writes them to window and stream. Those whose id is known keep the number that they have. Nothing is trimmed
 * here, since nothing that is new may be: `DRAINED` does it.
 *
 * `KEYS` state, window, ids, undrained, stream, bytes, owner, sequence; `ARGV` conversation, notes, most bytes, run, then id and message in
 * turn. Answers the first number when all are new, and numbered in turn; else `cold`; `full` and the bytes; or `ok`, how many were new, and
 * all numbers.
 */
export const APPEND: RedisScript = script(`
${KEYS_OF_APPEND}
local found = redis.call('HMGET', state, 'warm', 'n', 'r', 'p', 's')
local n = tonumber(found[2])
if found[1] ~= '1' or (found[3] or '') ~= ARGV[4] or n ~= redis.call('ZCARD', window) then return {'cold'} end
local last = tonumber(found[5])
${TAKE}
redis.call('HSET', state, 's', text(last), 'n', n + count)
return answer
`);

/**
 * The same while PostgreSQL is away, and a cold window cannot be warmed: it is appended to as it is. `KEYS` has the epoch too; `ARGV[4]` is
 * from where in the epoch a conversation without a number goes on, and a token after a blank.
 */
export const APPEND_BLIND: RedisScript = script(`
${KEYS_OF_APPEND}
local blind, token = string.match(ARGV[4], '(%d+) (.+)')
local found = {[4] = redis.call('HGET', state, 'p')}
local last = redis.call('GET', sequence)
if not last then
  local base = redis.call('GET', epoch)
  if not base then return {'cold'} end
  last = tonumber(base) + tonumber(blind)
end
last = tonumber(last)
${TAKE}
makeCold(state, token)
return answer
`);

/**
 * Says that messages are being committed which the window lacks: until they are fed, nobody goes by it. Who does not come back in
 * time leaves it cold. `KEYS` state, undrained; `ARGV` token, how long, ttl, run, how long after a loss. The token may be there
 * already.
 */
export const DOUBT: RedisScript = script(`
local state, undrained = unpack(KEYS)
endDoubts(state, ARGV[1])
keepDoubts(state, ARGV[4], ARGV[5])
setDoubt(state, ARGV[1], tonumber(ARGV[2]))
expireState(state, undrained, ARGV[3])
return 1
`);

/**
 * Adds to the window what PostgreSQL has numbered and committed. If an earlier append has not come here, the window is cold.
 * `KEYS` state, window, ids, undrained; `ARGV` base, last, window size, ids kept, ttl, token, how long, run, how long after a loss or
 * nothing, then number, id and message in turn. The token is that of `DOUBT`, if there was one; it goes on for so long, and ends with 0.
 */
export const FEED: RedisScript = script(`
local state, window, ids, undrained = unpack(KEYS)
local base, last = tonumber(ARGV[1]), tonumber(ARGV[2])
if ARGV[9] ~= '' then keepDoubts(state, ARGV[8], ARGV[9]) end
setDoubt(state, ARGV[6], tonumber(ARGV[7]))
local isRight = isWarmSince(state, window, ARGV[8])
local reached = tonumber(redis.call('HGET', state, 's') or '0')
if isRight and base ~= reached then
  -- The window was warmed after the commit: it has them already, or it lacks an earlier append.
  isRight = last <= reached
  for at = 10, #ARGV, 3 do
    if redis.call('ZSCORE', ids, ARGV[at + 1]) ~= ARGV[at] then isRight = false end
  end
end
if isRight then
  for at = 10, #ARGV, 3 do
    local seq = tonumber(ARGV[at])
    if seq > reached then
      redis.call('ZADD', window, ARGV[at], ARGV[at] .. '|' .. ARGV[at + 2])
      redis.call('ZADD', ids, ARGV[at], ARGV[at + 1])
    end
  end
  redis.call('HSET', state, 's', text(math.max(last, reached)))
else
  makeCold(state, ARGV[6])
end
settle(state, window, ids, undrained, tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5])
return isRight and 1 or 0
`);

/**
 * Reads the window. `KEYS` state, window; `ARGV` after, before, limit, run. Answers `cold`; `doubt`; or `ok`, whether nothing is missing, the
 * first number of the window, and messages, newest first.
 */
export const READ: RedisScript = script(`
local state, window = unpack(KEYS)
local doubt = doubtOf(state)
if doubt == 'yes' then return {'doubt'} end
if doubt == 'ended' or not isWarmSince(state, window, ARGV[4]) then return {'cold'} end
local limit = tonumber(ARGV[3])
local found = redis.call('ZREVRANGEBYSCORE', window, '(' .. ARGV[2], '(' .. ARGV[1], 'LIMIT', 0, limit)
local first = redis.call('ZRANGE', window, 0, 0, 'WITHSCORES')[2]
local isWhole = #found == limit or redis.call('HGET', state, 'all') == '1'
if first and tonumber(ARGV[1]) >= tonumber(first) - 1 then isWhole = true end
table.insert(found, 1, first and text(tonumber(first)) or '')
table.insert(found, 1, isWhole and 1 or 0)
table.insert(found, 1, 'ok')
return found
`);

/**
 * Before a window is read from PostgreSQL. `KEYS` state, undrained, epoch; `ARGV` token, ttl, run, how long after a loss or nothing.
 * Answers token, epoch, first undrained, and whether the window is in doubt.
 */
export const BEGIN: RedisScript = script(`
local state, undrained, epoch = unpack(KEYS)
endDoubts(state, ARGV[1])
local token = redis.call('HGET', state, 'v')
if not token then
  token = ARGV[1]
  redis.call('HSET', state, 'v', token)
  expireState(state, undrained, ARGV[2])
end
if ARGV[4] ~= '' then keepDoubts(state, ARGV[3], ARGV[4]) end
return {token, redis.call('GET', epoch) or '', firstUndrained(undrained) or '', doubtOf(state)}
`);

/**
 * Installs what was read from PostgreSQL, beside what is in the stream. `KEYS` sequence, state, window, ids, undrained, epoch;
 * `ARGV` token, epoch or nothing when Redis gives no numbers, highest number given, cleared up to, all, window size, ids kept, ttl,
 * run, how many messages, then number, id and message of each, then number and id of each further id. Answers whether it was done.
 */
export const INSTALL: RedisScript = script(`
local sequence, state, window, ids, undrained, epoch = unpack(KEYS)
if redis.call('HGET', state, 'v') ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' and redis.call('GET', epoch) ~= ARGV[2] then return 0 end
local last = tonumber(ARGV[3])
for _, set in ipairs({window, ids, undrained}) do redis.call('ZREMRANGEBYSCORE', set, '-inf', ARGV[4]) end
local low = firstUndrained(undrained)
if low then
  redis.call('ZREMRANGEBYSCORE', window, '-inf', '(' .. low)
else
  redis.call('DEL', window, ids)
end
local at = 11
for _ = 1, tonumber(ARGV[10]) do
  local known = redis.call('ZSCORE', ids, ARGV[at + 1])
  if known then redis.call('ZREMRANGEBYSCORE', window, known, known) end
  redis.call('ZREMRANGEBYSCORE', window, ARGV[at], ARGV[at])
  redis.call('ZADD', window, ARGV[at], ARGV[at] .. '|' .. ARGV[at + 2])
  redis.call('ZADD', ids, ARGV[at], ARGV[at + 1])
  at = at + 3
end
while at < #ARGV do
  redis.call('ZADD', ids, ARGV[at], ARGV[at + 1])
  at = at + 2
end
if ARGV[2] ~= '' then
  last = math.max(last, tonumber(ARGV[2]), tonumber(redis.call('GET', sequence) or '0'))
  redis.call('SET', sequence, text(last))
end
redis.call('HSET', state, 'warm', '1', 'all', ARGV[5], 's', text(last), 'r', ARGV[9])
settle(state, window, ids, undrained, tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8])
return 1
`);

/**
 * After entries were stored: only now they leave the stream. `KEYS` stream, bytes, then state, window, ids, undrained and owner of each
 * conversation; `ARGV` group, window size, ids kept, ttl, token, whether windows may differ from what was stored, how many entries,
 * id and size of each, then of each conversation its name, how many firsts, and those.
 */
export const DRAINED: RedisScript = script(`
local stream, bytes = KEYS[1], KEYS[2]
local freed, at = 0, 8
for _ = 1, tonumber(ARGV[7]) do
  pcall(redis.call, 'XACK', stream, ARGV[1], ARGV[at])
  if redis.call('XDEL', stream, ARGV[at]) == 1 then freed = freed + tonumber(ARGV[at + 1]) end
  at = at + 2
end
if freed > 0 then redis.call('DECRBY', bytes, text(freed)) end
for key = 3, #KEYS, 5 do
  local conversation = ARGV[at]
  at = at + 1
  local state, window, ids, undrained = KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3]
  local count, isKnown = tonumber(ARGV[at]), ARGV[6] == '0'
  for _ = 1, count do
    at = at + 1
    if redis.call('ZREM', undrained, ARGV[at]) == 0 then isKnown = false end
  end
  at = at + 1
  if isKnown and isWarm(state, window) then
    settle(state, window, ids, undrained, tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4])
  else
    makeCold(state, ARGV[5])
    expire(state, window, ids, undrained, ARGV[4])
  end
  if redis.call('EXISTS', undrained) == 0 then redis.call('ZREM', KEYS[key + 4], conversation) end
end
return freed
`);

/** `KEYS` owner, then undrained of each conversation; `ARGV` the name of each. Takes those off of which nothing is in the stream. */
export const FORGET_OWNER: RedisScript = script(`
for at = 2, #KEYS do
  if redis.call('EXISTS', KEYS[at]) == 0 then redis.call('ZREM', KEYS[1], ARGV[at - 1]) end
end
return 1
`);

/** What is in the stream of a conversation, oldest first. `KEYS` undrained, window. */
export const WAITING: RedisScript = script(`
local first = firstUndrained(KEYS[1])
if not first then return {} end
return redis.call('ZRANGEBYSCORE', KEYS[2], first, '+inf')
`);

/**
 * Makes a window cold. Numbers go on above the one given, also when PostgreSQL cannot be asked again before the next append.
 * `KEYS` state, window, ids, undrained, sequence; `ARGV` token, ttl, the highest number given, or 0 when Redis gives none.
 */
export const INVALIDATE: RedisScript = script(`
makeCold(KEYS[1], ARGV[1])
expire(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[2])
if tonumber(ARGV[3]) > tonumber(redis.call('GET', KEYS[5]) or '0') then redis.call('SET', KEYS[5], ARGV[3]) end
return 1
`);

/** After messages up to a number were removed. `KEYS` state, window, ids, undrained; `ARGV` number, token, ttl. */
export const CLEARED: RedisScript = script(`
local state, window, ids, undrained = unpack(KEYS)
for _, set in ipairs({window, ids, undrained}) do redis.call('ZREMRANGEBYSCORE', set, '-inf', ARGV[1]) end
makeCold(state, ARGV[2])
expire(state, window, ids, undrained, ARGV[3])
return 1
`);

/** Removes an entry that nobody may store any more. `KEYS` stream, bytes; `ARGV` group, then id and size in turn. */
export const WITHDRAW: RedisScript = script(`
for at = 2, #ARGV, 2 do
  pcall(redis.call, 'XACK', KEYS[1], ARGV[1], ARGV[at])
  if redis.call('XDEL', KEYS[1], ARGV[at]) == 1 then redis.call('DECRBY', KEYS[2], ARGV[at + 1]) end
end
return 1
`);

/** Takes a consumer off its group, unless it still has entries. `KEYS` stream; `ARGV` group, consumer. */
export const LEAVE: RedisScript = script(`
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
`);
