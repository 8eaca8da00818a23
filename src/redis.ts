/** `langchain-strata/redis`: what needs Redis, by way of the optional package `ioredis`. */
export { redisTier, type RedisTierOptions } from "./cache/tiers/redis.ts";
export type { RedisSource } from "./clients/redis.ts";
export { redisVectorSetIndex, type RedisVectorSetIndexOptions } from "./vectors/indexes/redis-vector-set.ts";
export { redisLeases, type RedisLeasesOptions } from "./maintenance/schedule/redis-leases.ts";
export { redisKeyStore, type RedisKeyStoreOptions } from "./encryption/stores/redis.ts";
