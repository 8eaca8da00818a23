/**
 * The contract of `CustomStrategy` as tests. The package's own five strategies are held to it; `test/contract/broken-strategies.test.ts`
 * shows that it fails those that do not keep it.
 */
import { describe, expect, test } from "vitest";
import { customSearch, type CustomSearch, type CustomStrategy, type ScoredMessage } from "../memory/custom-strategy.ts";
import { OwnerMemory } from "../memory/turns/owner-memory.ts";

/** Builds a strategy; called for each test. */
export type MakeStrategy = () => CustomStrategy;

/** What a strategy looks at; each adds the tests that prove it. */
export interface StrategyCapabilities {
  /** Whether it looks in the session alone; default `false`. */
  readonly sessionOnly?: boolean;
  /** Whether it finds what answers, wherever it may look; default `true`. `false` for one that goes by time, or gives nothing. */
  readonly relevant?: boolean;
  /** Whether it gives nothing else when the query names a time of the conversation; default `true`. */
  readonly timed?: boolean;
}

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 4, 20);
const QUERY = "What is the code of the garage door?";
const ODD: readonly string[] = ["", " \n", "🔒 \ud83d", "</script>{}[]()*+?", "a\u0000b", "garage ".repeat(3_000)];

interface Said {
  readonly sessionId: string;
  readonly daysAgo: number;
  readonly text: string;
}

const SAID: readonly Said[] = [
  { sessionId: "old", daysAgo: 9, text: "The garage door has the code 4711." },
  { sessionId: "old", daysAgo: 9, text: "Noted." },
  { sessionId: "trip", daysAgo: 4, text: "We fly to Lisbon on Friday." },
  { sessionId: "trip", daysAgo: 4, text: "Then pack a light coat." },
  { sessionId: "now", daysAgo: 0.4, text: "The door of the garage squeaks, by the way." },
  { sessionId: "now", daysAgo: 0.3, text: "Oil helps." },
  { sessionId: "now", daysAgo: 0.2, text: "And what is for lunch?" },
  { sessionId: "now", daysAgo: 0.1, text: "Soup, with bread." },
];

interface Asked {
  readonly query?: string;
  readonly k?: number;
  readonly sessionId?: string | undefined;
  readonly said?: readonly Said[];
  readonly daysAgo?: readonly [from: number, to: number];
}

function searchFor({ query = QUERY, k = 10, said = SAID, daysAgo, ...rest }: Asked = {}): CustomSearch {
  const memory = new OwnerMemory();
  for (const [at, { sessionId, text, daysAgo: ago }] of said.entries()) {
    const role = at % 2 === 0 ? "human" : "ai";
    memory.put({ id: `m${at}`, sessionId, seq: at + 1, role, createdAt: NOW - ago * DAY_MS, text });
  }
  const window = daysAgo && {
    ...{ from: NOW - daysAgo[0] * DAY_MS, to: NOW - daysAgo[1] * DAY_MS, isHard: true },
    ...{ text: "then", rest: query, hasTopic: true, mayBeMisread: false },
  };
  const sessionId = "sessionId" in rest ? rest.sessionId : "now";
  return customSearch({ memory, query, k, now: NOW, lookbackMs: 7 * DAY_MS, sessionId, window });
}

/**
 * Declares the tests that every strategy must pass, under `describe(name)`. Needs `vitest`.
 * @example
 * ```ts
 * describeStrategy("newest", () => ({
 *   find: ({ k, messages }) => messages().slice(-k).map((message) => ({ message, score: message.createdAt })),
 * }), { relevant: false });
 * ```
 */
export function describeStrategy(name: string, make: MakeStrategy, capabilities: StrategyCapabilities = {}): void {
  const { sessionOnly = false, relevant = true, timed = true } = capabilities;

  function find(asked?: Asked): readonly ScoredMessage[] {
    return make().find(searchFor(asked));
  }
  function expectSoundAnswer(asked?: Asked): void {
    const search = searchFor(asked);
    expectSound(make().find(search), search);
  }

  describe(name, () => {
    describe("what is found", () => {
      test("is among the messages that it was given, each once, best first, with finite scores", () => {
        expectSoundAnswer();
        expectSoundAnswer({ sessionId: "trip", query: "Where do we fly?" });
      });

      test("is no more than was asked for", () => {
        for (const k of [1, 2, 3]) expect(find({ k }).length).toBeLessThanOrEqual(k);
      });

      test("is the same when the same is asked again", () => {
        const again = (): string[] => find().map(({ message }) => message.messageId);
        expect(again()).toEqual(again());
      });

      test("is nothing where nothing was said", () => {
        expect(find({ said: [] })).toEqual([]);
      });

      test.runIf(sessionOnly)("is of the session alone", () => {
        expect(find().map(({ message }) => message.sessionId)).toEqual(find().map(() => "now"));
        expect(find({ sessionId: "never begun" })).toEqual([]);
      });

      test.runIf(relevant)("is what answers, before what has nothing to do with it", () => {
        // What was said beside an answer may come with it.
        const best = find().slice(0, 2);
        expect(best.some(({ message }) => message.text.includes("garage"))).toBe(true);
      });

      test.runIf(timed)("is of the time that the query names, and of no other", () => {
        const found = find({ query: "Lisbon", daysAgo: [5, 3], ...(sessionOnly && { sessionId: "trip" }) });
        const outside = found.filter(({ message }) => message.sessionId !== "trip");
        expect(outside).toEqual([]);
      });
    });

    describe("what is asked", () => {
      test("may be empty, broken, strange or long", () => {
        for (const query of ODD) expectSoundAnswer({ query });
      });

      test("may be asked outside of any session", () => {
        expectSoundAnswer({ sessionId: undefined });
      });

      test("may be asked of one message alone", () => {
        expect(find({ said: SAID.slice(4, 5) }).length).toBeLessThanOrEqual(1);
      });

      test("is left as it is", () => {
        const search = searchFor();
        const before = search.messages();
        const texts = JSON.stringify(before);
        make().find(search);
        expect(search.messages()).toEqual(before);
        expect(JSON.stringify(before)).toBe(texts);
      });

      test("is not mixed up with what was asked before", () => {
        const strategy = make();
        const [first, second] = [searchFor(), searchFor({ said: SAID.slice(2), query: "Lisbon" })];
        strategy.find(first);
        expectSound(strategy.find(second), second);
        expectSound(strategy.find(first), first);
      });
    });
  });
}

function expectSound(found: readonly ScoredMessage[], search: CustomSearch): void {
  const given = new Set(search.messages());
  expect(found.filter(({ message }) => !given.has(message))).toEqual([]);
  expect(new Set(found.map(({ message }) => message)).size).toBe(found.length);
  const scores = found.map(({ score }) => score);
  expect(scores.every(Number.isFinite)).toBe(true);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
}
