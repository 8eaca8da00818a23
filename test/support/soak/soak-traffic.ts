/** What people do with the system in a soak, and which failures of it the documents allow. */
import type { SoakFault, SoakPart } from "./soak-faults.ts";
import type { SoakSystem } from "./soak-system.ts";

export interface Request {
  readonly name: string;
  /** Of all requests, in parts of a hundred. */
  readonly share: number;
  /** Without which it may fail: `docs/guides/system.md`, `docs/guides/history-durability.md`, `docs/concepts/failure-modes.md`. */
  readonly needs?: readonly SoakPart[];
  run(system: SoakSystem, draw: Draw): Promise<unknown>;
}

/** One request's numbers: all of one seed are the same in every run. */
export type Draw = (below: number) => number;

const QUESTIONS = 600;
const OWNERS = 12;

const question = (number: number): string => `What does rule ${number} of the handbook say about order ${number * 13}?`;
const owner = (number: number): { ownerId: string; sessionId: string } => ({
  ownerId: `owner-${number % OWNERS}`,
  sessionId: `session-${number % 3}`,
});

export const REQUESTS: readonly Request[] = [
  { name: "a popular question", share: 30, run: ({ strata }, draw) => strata.chat(question(draw(40))) },
  { name: "any question", share: 14, run: ({ strata }, draw) => strata.chat(question(draw(QUESTIONS))) },
  { name: "in other words", share: 8, run: ({ strata }, draw) => strata.chat(`Tell me, please: ${question(draw(QUESTIONS))}`) },
  {
    name: "a stream, left halfway or aborted at times",
    share: 10,
    async run({ strata }, draw) {
      const ending = new AbortController();
      const leavesAfter = draw(8);
      if (draw(10) === 0) setTimeout(() => ending.abort(), 3);
      try {
        let seen = 0;
        for await (const _ of strata.stream(question(draw(QUESTIONS)), { signal: ending.signal })) {
          if (seen++ === leavesAfter) break;
        }
      } catch (error) {
        if (!ending.signal.aborted) throw error;
      }
    },
  },
  { name: "in a conversation", share: 14, run: ({ strata }, draw) => strata.chat(question(draw(60)), owner(draw(1_000))) },
  {
    name: "recall",
    share: 8,
    needs: ["postgres"],
    run: ({ strata }, draw) => strata.memory.recall(question(draw(60)), owner(draw(1_000))),
  },
  {
    name: "with documents",
    share: 6,
    needs: ["postgres"],
    run: ({ strata }, draw) => strata.chat(question(draw(40)), { useContext: true }),
  },
  {
    name: "search",
    share: 3,
    needs: ["postgres"],
    run: ({ strata }, draw) => strata.search(`order ${draw(40)}`, { rerank: true }),
  },
  {
    name: "any value",
    share: 4,
    async run({ strata }, draw) {
      const key = `value-${draw(200)}`;
      if ((await strata.cache.get(key)) === undefined)
        await strata.cache.set(key, { key, text: "v".repeat(500) }, { tags: ["values"] });
    },
  },
  {
    name: "what would be served",
    share: 1,
    needs: ["disk"],
    run: ({ strata }, draw) => strata.cache.similar(question(draw(QUESTIONS))),
  },
  { name: "flush", share: 0.5, run: ({ strata }) => strata.cache.flush() },
  { name: "statistics", share: 0.5, run: ({ strata }) => strata.stats() },
  { name: "removal by tag", share: 0.2, run: ({ strata }) => strata.cache.invalidate("values") },
  {
    name: "an owner is forgotten",
    share: 0.8,
    needs: ["redis", "postgres"],
    async run({ strata }, draw) {
      const { ownerId } = owner(draw(1_000));
      await strata.cache.forget({ user: ownerId });
      await strata.conversations.forget({ ownerId });
    },
  },
];

/** Whether a request may fail while, or just after, this is wrong. */
export function mayFail({ needs }: Request, faults: readonly SoakFault[]): boolean {
  return needs?.some((part) => faults.some(({ away }) => away.includes(part))) ?? false;
}

/** One look at each page of the dashboard, and at one stream of its state. */
export async function scrape({ dashboard }: SoakSystem): Promise<void> {
  const headers = { authorization: `Bearer ${dashboard.token}` };
  for (const path of ["state", "stats", "health", "summary?period=1h", "history?series=hits&period=1h", "alerts", "decisions"]) {
    const reply = await fetch(`${dashboard.url}/api/${path}`, { headers });
    await reply.text();
    if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  }
  await (await fetch(`${dashboard.url}/api/entries?q=rule`, { headers })).text();
  const ending = new AbortController();
  const live = await fetch(`${dashboard.url}/api/live`, { headers, signal: ending.signal });
  await live.body?.getReader().read();
  ending.abort();
}
