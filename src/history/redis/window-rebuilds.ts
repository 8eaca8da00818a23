/** Makes a cold window warm from what PostgreSQL has, once for all who wait for it. */
import type { Digest } from "../../core/key.ts";
import { SingleFlight } from "../../core/single-flight.ts";
import type { HistoryTables } from "../tables/history-tables.ts";
import { PostgresFailure } from "../tables/postgres-failure.ts";
import type { RedisWindows, WindowContents } from "./windows.ts";

export interface WindowRebuildsOptions {
  readonly tables: HistoryTables;
  readonly windows: RedisWindows;
  /** Whether Redis numbers messages; it then needs an epoch to begin above, and goes on by itself while PostgreSQL is away. */
  readonly redisNumbers: boolean;
  /** Whether nobody goes by a window in doubt, so that it need not be made. */
  readonly skipsDoubted: boolean;
}

export class WindowRebuilds {
  readonly #options: WindowRebuildsOptions;
  readonly #rebuilds = new SingleFlight<boolean>();
  readonly #epochs = new SingleFlight<void>();

  constructor(options: WindowRebuildsOptions) {
    this.#options = options;
  }

  /**
   * @returns whether PostgreSQL could be asked, where Redis numbers messages
   * @throws {@link PostgresFailure} where it does not
   */
  rebuild(key: Digest): Promise<boolean> {
    return this.#rebuilds.run(key, () => this.#rebuildOnce(key));
  }

  async #rebuildOnce(key: Digest): Promise<boolean> {
    const { tables, windows, redisNumbers, skipsDoubted } = this.#options;
    const { token, epoch: known, firstUndrained, isDoubted } = await windows.begin(key, skipsDoubted);
    if (isDoubted && skipsDoubted) return true;
    let contents;
    let epoch = known;
    try {
      if (epoch === undefined && redisNumbers) {
        const place = windows.layout.talk(key).shard.stream;
        await this.#epochs.run(place, async () => {
          if ((await windows.begin(key, false)).epoch !== undefined) return;
          await windows.setEpoch(key, await tables.newEpoch(place));
        });
        epoch = (await windows.begin(key, false)).epoch;
      }
      contents = await this.#contents(key, firstUndrained);
    } catch (error) {
      if (redisNumbers) return false;
      throw new PostgresFailure(error);
    }
    await windows.install(key, { token, epoch: redisNumbers ? epoch : undefined, ...contents });
    return true;
  }

  async #contents(key: Digest, firstUndrained: number | undefined): Promise<Omit<WindowContents, "token" | "epoch">> {
    const { tables, windows } = this.#options;
    const { lastSeq, clearedSeq } = await tables.state(key);
    // What is committed after the number was read is left to the feed that follows it.
    const newest = await tables.read(key, { limit: windows.size, before: lastSeq + 1 });
    const first = newest[0]?.seq ?? 0;
    const between =
      firstUndrained !== undefined && newest.length === windows.size && first > firstUndrained
        ? await tables.read(key, { after: firstUndrained - 1, before: first })
        : [];
    const isAll = newest.length < windows.size;
    const ids = isAll ? [] : await tables.idsBefore(key, between[0]?.seq ?? first, windows.keptIds - windows.size);
    return { lastSeq, clearedSeq, isAll, messages: [...between, ...newest], ids };
  }
}
