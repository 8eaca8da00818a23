import { StrataError, type CacheTier, type Clock, type TierEntry, type TierFilter } from "langchain-strata";

/** A tier in a `Map`: the smallest one that keeps the whole contract. */
export function mapTier(): CacheTier {
  const entries = new Map<string, TierEntry>();
  let clock: Pick<Clock, "now"> = Date;
  let closed = false;

  /** The map, for as long as the tier is open. */
  function open(): Map<string, TierEntry> {
    if (closed) throw new StrataError("CLOSED", "The map tier is closed.");
    return entries;
  }
  const isAlive = ({ expiresAt }: TierEntry): boolean => expiresAt === undefined || expiresAt > clock.now();
  const matches = ({ scope, tags = [] }: TierEntry, filter: TierFilter): boolean =>
    (filter.scope === undefined || filter.scope === scope) && (filter.tag === undefined || tags.includes(filter.tag));

  return {
    name: "map",
    attach: (host) => void (clock = host.clock),
    get(keys) {
      const map = open();
      return keys.map((key) => {
        const entry = map.get(key);
        return entry !== undefined && isAlive(entry) ? entry : undefined;
      });
    },
    set(batch) {
      const map = open();
      for (const entry of batch) map.set(entry.key, entry);
    },
    delete(keys) {
      const map = open();
      return keys.filter((key) => {
        const entry = map.get(key);
        return map.delete(key) && entry !== undefined && isAlive(entry);
      }).length;
    },
    clear(filter = {}) {
      const map = open();
      const gone = [...map.values()].filter((entry) => matches(entry, filter));
      for (const { key } of gone) map.delete(key);
      return gone.length;
    },
    async *entries() {
      for (const entry of [...open().values()]) if (isAlive(entry)) yield entry;
    },
    stats: () => ({
      entries: entries.size,
      bytes: [...entries.values()].reduce((sum, { value }) => sum + value.byteLength, 0),
      evicted: 0,
    }),
    close: () => void (closed = true),
  };
}
