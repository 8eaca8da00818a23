/**
 * The cache explorer: what is stored, searched and paged, from a table that is made in the background by going through the tiers.
 *
 * Making it takes the processor in slices of a few milliseconds with as long a pause after each, because it runs inside the
 * application. Until the first is whole, searches see what there is of it; later ones are answered from the last whole one.
 */
import { sleep } from "../../core/abort.ts";
import { isOwnRecord } from "../../cache/tags.ts";
import type { CacheEntries } from "../../cache/cache-entries.ts";
import type { Clock } from "../../core/clock.ts";
import { peek } from "../../core/envelope.ts";
import type { Digest } from "../../core/key.ts";
import { decompress } from "../../cache/compression.ts";
import type { TierEntry } from "../../cache/tier.ts";
import { fold } from "../../text/terms.ts";
import { EntryTable } from "./entry-table.ts";
import { readableOf, type Readable } from "./readable-entry.ts";
import type { EntryOrderName, WireEntry, WireEntryDetail, WireEntryPage } from "./wire.ts";

export interface ExplorerOptions {
  readonly entries: CacheEntries;
  readonly clock: Clock;
  /** Whether questions and answers are read, searched and given. */
  readonly showPrompts: boolean;
}

export interface EntryQuery {
  /** Words that must all occur; the first characters of a key find it too. */
  readonly text: string;
  readonly tier: string | undefined;
  readonly order: EntryOrderName;
  readonly limit: number;
  /** The key of the last entry of the page before. */
  readonly cursor: string | undefined;
  /** Whether beginnings of texts are wanted. */
  readonly withText: boolean;
}

const SLICE_MS = 5;
/** How long the first search waits for the table. */
const FIRST_WAIT_MS = 100;
/** A search that finds the table older than this has a new one made. */
const FRESH_MS = 15_000;
/** A table that took long to make is kept for so many times as long. */
const REST = 10;
/** Characters of an entry's text that are searched. */
const SEARCHED = 240;
/** A text of the user is not gone through for longer words. */
const MAX_WORDS = 8;
const SNIPPET = 160;
const LONGEST_TEXT = 20_000;

export class Explorer {
  readonly #options: ExplorerOptions;
  readonly #closing = new AbortController();
  #table = new EntryTable();
  #building: Promise<void> | undefined;
  #builtAt: number | undefined;
  #restUntil = 0;
  #failed: readonly string[] = [];

  constructor(options: ExplorerOptions) {
    this.#options = options;
  }

  async search(query: EntryQuery): Promise<WireEntryPage> {
    const { clock, entries } = this.#options;
    const startedAt = clock.monotonic();
    if (startedAt >= this.#restUntil) {
      const whole = this.refresh();
      // A small cache is gone through in an instant: nobody is shown half of it.
      if (this.#builtAt === undefined) await Promise.race([whole, sleep(clock, FIRST_WAIT_MS)]);
    }
    const words = fold(query.text).split(/\s+/).filter(Boolean).slice(0, MAX_WORDS);
    const after = query.cursor === undefined ? -1 : this.#table.placeOf(query.cursor);
    const tier = query.tier === undefined ? -1 : entries.tiers.indexOf(query.tier);
    const table = this.#table;
    const { rows, total } = table.select(
      {
        ...{ words, order: query.order, limit: query.limit, after },
        keyStart: /^[\w-]{8,43}$/.test(query.text) ? query.text : "",
        tiers: tier < 0 ? 0 : 1 << tier,
      },
      clock.now(),
    );
    const found = rows.map((row) => this.#describe(table, row));
    const last = found.at(-1);
    const listed =
      query.withText && this.#options.showPrompts ? await Promise.all(found.map((entry) => this.#withText(entry))) : found;
    return {
      entries: listed,
      total,
      cursor: last !== undefined && rows.length === query.limit ? last.key : null,
      ms: clock.monotonic() - startedAt,
      index: {
        entries: table.size,
        building: this.#building !== undefined,
        at: this.#builtAt ?? null,
        failed: this.#failed,
      },
      tiers: entries.tiers,
    };
  }

  /** @returns `undefined` when no tier has it any more */
  async read(key: Digest): Promise<WireEntryDetail | undefined> {
    const row = this.#table.rowOf(key);
    const scope = row < 0 ? undefined : this.#table.scopeAt(row);
    if (scope === undefined) return undefined;
    const found = await this.#options.entries.read(key, scope);
    if (found === undefined) return undefined;
    const { showPrompts } = this.#options;
    const { kind, model, tokens, question, answer } = readableOf(found.payload);
    const shown = (text: string | null): string | null => (showPrompts && text !== null ? text.slice(0, LONGEST_TEXT) : null);
    return {
      ...this.#describe(this.#table, row),
      ...{ scope: scope.slice(0, 12), kind, model, tokens, text: null },
      bytes: found.envelope.rawLength,
      storedBytes: found.envelope.payload.byteLength,
      // Marks of wider scopes begin with a control character; they are not the user's.
      tags: found.envelope.tags.filter((tag) => tag >= " "),
      question: shown(question),
      answer: shown(answer),
    };
  }

  /** Removes entries from every tier; gives how many there were. */
  async remove(keys: readonly Digest[]): Promise<number> {
    const removed = await this.#options.entries.remove(keys);
    for (const key of keys) this.#table.remove(key);
    return removed;
  }

  /** Makes the table anew, unless that is under way; resolves when it is whole. Never rejects. */
  refresh(): Promise<void> {
    this.#building ??= this.#build().finally(() => (this.#building = undefined));
    return this.#building;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#building;
  }

  async #build(): Promise<void> {
    const { clock, entries } = this.#options;
    const { signal } = this.#closing;
    const startedAt = clock.monotonic();
    const table = new EntryTable();
    if (this.#builtAt === undefined) this.#table = table;
    const failed: string[] = [];
    let sliceEnd = startedAt + SLICE_MS;
    for (const [index, name] of entries.tiers.entries()) {
      try {
        for await (const entry of entries.list(name, { signal })) {
          await this.#add(table, index, entry);
          if (clock.monotonic() < sliceEnd) continue;
          await sleep(clock, SLICE_MS, { signal });
          sliceEnd = clock.monotonic() + SLICE_MS;
        }
      } catch {
        if (signal.aborted) return;
        failed.push(name);
      }
    }
    const took = clock.monotonic() - startedAt;
    this.#table = table;
    this.#failed = failed;
    this.#builtAt = clock.now();
    this.#restUntil = clock.monotonic() + Math.max(FRESH_MS, REST * took);
  }

  async #add(table: EntryTable, tier: number, { key, scope, value, expiresAt }: TierEntry): Promise<void> {
    const envelope = peek(value);
    if (envelope === undefined || isOwnRecord(envelope.tags)) return;
    const tags = envelope.tags.filter((tag) => tag >= " ").join(" ");
    let text = "";
    if (this.#options.showPrompts) {
      const payload = await quietly(() => decompress(envelope.codec, envelope.payload, envelope.rawLength));
      if (payload !== undefined) text = searchedText(readableOf(payload));
    }
    table.add({
      ...{ key, scope, tier, createdAt: envelope.createdAt, cost: envelope.cost, bytes: value.byteLength },
      expiresAt: expiresAt ?? envelope.expiresAt ?? 0,
      words: fold(`${tags} ${text}`).replaceAll("\n", " "),
    });
  }

  #describe(table: EntryTable, row: number): WireEntry {
    const { tiers, createdAt, expiresAt, cost, bytes } = table.at(row);
    return {
      key: table.keyAt(row),
      tiers: this.#options.entries.tiers.filter((_name, index) => (tiers & (1 << index)) !== 0),
      createdAt,
      expiresAt: expiresAt === 0 ? null : expiresAt,
      savesMs: cost,
      bytes,
      text: null,
    };
  }

  async #withText(entry: WireEntry): Promise<WireEntry> {
    const row = this.#table.rowOf(entry.key);
    const scope = row < 0 ? undefined : this.#table.scopeAt(row);
    const found = scope === undefined ? undefined : await this.#options.entries.read(entry.key, scope);
    if (found === undefined) return entry;
    const { question, answer } = readableOf(found.payload);
    return { ...entry, text: (question ?? answer ?? "").slice(0, SNIPPET) };
  }
}

function searchedText({ question, answer, model }: Readable): string {
  return `${model ?? ""} ${(question ?? "").slice(0, SEARCHED)} ${(answer ?? "").slice(0, SEARCHED)}`;
}

/** What is damaged has no text. */
async function quietly<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
