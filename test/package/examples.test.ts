/** The examples, each run as a user runs it, on the built package. What they print is what they are for. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { mapTier } from "../../examples/map-tier.ts";
import { describeTier } from "../../src/testing/describe-tier.ts";

const FOLDER = fileURLToPath(new URL("../../examples", import.meta.url));
/** From anywhere: the examples run in a folder outside of the repository. */
const LOADER = createRequire(import.meta.url).resolve("tsx");
/** What is longer is no example. */
const PAGE_LINES = 60;

/** What each example prints; `…` stands for anything within a line. */
const PRINTS: Readonly<Record<string, string>> = {
  "01-cache-a-chain.ts": `
first call: … ms, from the model
  reasoning: The user asks …
second call: … ms, from memory, … tokens saved
  reasoning: The user asks …
1 hit, 1 miss, … s of waiting saved; the API was called 1 time`,
  "02-survive-a-restart.ts": `
first process, call 1: answered by the model
first process, call 2: answered by memory
second process, call 1: answered by disk
second process, call 2: answered by memory
both processes together called the API 1 time`,
  "03-inside-an-agent.ts": `
thread A: model calls 2, tool calls 1, messages 4, different ids 4
  get_price returned: BTC trades at 101
thread B: model calls 1, tool calls 1, messages 4, different ids 4
  get_price returned: BTC trades at 102
thread A: model calls 2, tool calls 1, messages 8, different ids 8
  get_price returned: BTC trades at 103`,
  "04-scopes-and-tags.ts": `
acme, handbook: model
acme, handbook: cache
globex, handbook: model
nobody, handbook: model
acme, price list: model
the handbook changed: 1 entry removed
acme, handbook: model
globex left: 1 entry removed
globex, handbook: model
acme, price list: cache
stood aside: { 'no-scope': 2 }`,
  "05-watch-events.ts": `
A folder that works:
  cache.lookup  outcome=miss coalesced=false ms=… key=…
  cache.update  bytes=… key=…
answer: …
  cache.lookup  outcome=hit tier=memory coalesced=false hitId=… ms=… key=… savedMs=…
answer: …
tier memory: on, 1 hits, 1 entries, 0 faults
tier disk: on, 0 hits, 1 entries, 0 faults
A path that is a file, not a folder:
  tier.state    tier=disk state=off message=…
  cache.lookup  outcome=miss coalesced=false ms=… key=…
  cache.update  bytes=… key=…
answer: …
  cache.lookup  outcome=hit tier=memory coalesced=false hitId=… ms=… key=… savedMs=…
answer: …
tier memory: on, 1 hits, 1 entries, 0 faults
tier disk: off, 0 hits, ? entries, … faults`,
  "06-write-your-own-tier.ts": `
first: model
the map tier has 1 entry
memory cleared: map
after promotion: memory
stored: a key of 43 characters, more than 1,000 bytes
slow: model, within a second`,
  "07-local-embeddings.ts": `
static-enpt-256: 256 dimensions, en and pt
How much may I risk per trade? -> Risk at most one percent of the account on each trade.
Quando o escritório está fechado? -> The office is closed on public holidays.
Em quantos dias pagam as faturas? -> Invoices are paid within 30 days.
a translation: 0.9; a language that it does not know: 0.1; nothing: 0.1`,
  "08-vector-index.ts": `
nearest: How do I set a stop loss?
vectors: 3`,
  "11-cached-embeddings.ts": `
first: 200 texts, 0 from the cache, 1 calls to the model
again: 200 texts, 200 from the cache, 0 calls to the model
one changed: 200 texts, 199 from the cache, 1 calls to the model`,
  "12-chat-history.ts": `
monday: human, ai, human, ai; R1's reasoning is kept: reasoning
long: 300 messages, 11 in the context, 1 a summary
tokens saved: 95 %
ada has long: 300 messages
ada has monday: 4 messages
bob has 0 conversations
ada is forgotten: 2 conversations, 304 messages`,
  "13-import-history.ts": `
read 2
imported 2, skipped 0
again: imported 0
the answer: 42, with reasoning and text`,
  "09-share-and-archive.ts": `
REDIS_URL is not set: memory and archive only
first stream: many chunks, with reasoning
second stream: many chunks, with reasoning
memory emptied: found in archive
the API was called 2 times: one stream, and one run of the agent of three`,
  "10-semantic-cache.ts": `
shadow: looks, learns and counts
  would have served 1, served 0
serve:
  How do I size a position? -> model
  how do i size a position -> semantic, 0.98
  How do I size 3 positions? -> model
  Where is the library? -> model
why:
  How do I size a position? -> not served, the number differs
  How do I size 3 positions? -> not served, the number differs
after "wrong": model
asked …x, hits 2: How do I size a position?
asked 1x, hits 0: Where is the library?`,
  "14-recall.ts": `
qual é o meu limite de risco? -> hybrid: Meu limite de risco é 1% por operação.
What did we discuss yesterday? -> cross_conversation: I closed the gold trade with a profit of 40 pips.
Obrigado, até amanhã! -> session_only: Nothing was looked up: the conversation itself is enough.
the same question in another spelling: from the cache
what Bob finds of it: 0 messages
{"at":"2026-05-01T12:00:00.000Z","role":"human","conversation":"may-1","text":"Meu limite de risco é 1% por operação."}`,
  "15-rerank.ts": `
1. faq-0, was 1.
2. faq-2, was 3.
Query: How do I return something and get a refund?
reranked: always (policy always, first stage retriever)
late-interaction (similarity), its order alone
5 of 5 documents scored: 0 asked, 5 known; … ms

Kept (2)
  now  was  move     first     score     fused  text
    1    1     =               …
    2    3    +1               …

Dropped: beyond the number that was asked for (3)
  now  was  move     first     score     fused  text
    3    …
    4    …
    5    …

scores asked for: 5, known: 5`,
  "21-watch-it.ts": `
hit rate 75 %, 3 hits, 1 miss, … tokens saved
hitRate over the last minute: 0.75
alert: hit-rate is firing (0.75 below 0.9)
a log line: {"at":"…","type":"cache.lookup","correlationId":"request-3","outcome":"hit",…}
a scrape: strata_cache_lookups_total{outcome="hit"} 3`,
  "16-one-config.ts": `
What is an order block? -> model
What is an order block? -> exact, tokens saved
what is an order block -> semantic, tokens saved
streamed, cached: false
reasoning came: true, text came: true
documents: 2 stored, 0 failed
found: Risk at most one percent of the account on each trade.
answered from: risk
warmed: 1 new, 1 known
5 questions, 2 from the cache; the API was called 4 times`,
  "17-rag.ts": `
stored 2, failed /broken.pdf is no PDF that can be
again: stored 0, unchanged 2
[1] returns.md, context built, hits 0
[1] returns.md, context cached, hits 1`,
  "18-prompts.ts": `
1 message, human
1 message, human
1 message, human
3 answers, 512 prompt tokens were in the provider's cache
Option \`prompt trading.risk.en@1: {risk}\` is undefined; accepted: a text for every variable of the prompt.
{ reasoning: 'Two and two.', text: 'Four.' }
{"reasoning":"","text":""}
{"reasoning":"Two","text":""}
{"reasoning":" and two.","text":""}
{"reasoning":"","text":"Fo"}
{"reasoning":"","text":"ur."}`,
  "19-langgraph-nodes.ts": `
first: read pages about order blocks; 100 EUR are 110.00 USD; ran {"search":1,"rate":1}
second: read pages about order blocks; 100 EUR are 110.00 USD; ran {"search":1,"rate":1}
cleared: ran {"search":2,"rate":1}`,
  "20-agent-with-everything.ts": `
ana, monday: What is the price of BTC?
  get_price returned: BTC trades at 100 (streamed; 2 of the model, 1 of the tool)
bob, monday-2: What is the price of BTC?
  get_price returned: BTC trades at 100 (streamed; 0 of the model, 0 of the tool)
ana, monday: My risk limit is one percent per trade.
  … (streamed; 1 of the model, 0 of the tool)
ana, friday: What did I say about my risk limit?
  … (streamed; 1 of the model, 0 of the tool)
the model was shown what Ana said on Monday: true`,
  "22-backup-and-restore.ts": `
Written: 2 of disk, hmac-sha256.
Verified: true.
Refused: The backup cannot be used: …
Restored: 1, left out: 1.
Ana: undefined
Ben: the plan of ben
To clean up: 0.`,
  "23-dashboard.ts": `
with the token: 3 hits, 1 miss
the explorer: 1 entry, its text: hidden
without the token: 401
from another site: 403`,
  "24-archive-and-embed.ts": `
who looks after her teeth: "My dentist is Dr Silva in Porto."
archived: 1 conversation, 2 messages
the nearest now: "We paint the kitchen green."
january: My dentist is Dr Silva in Porto. The flight to Madrid leaves at nine. The flight is late.`,
  "25-tuning.ts": `
advise: memory lru -> memory adaptive
advice only: 0 % hits with lru
step: memory lru -> memory s3-fifo
keep: memory lru -> memory s3-fifo
step: memory s3-fifo -> memory adaptive
while it is applied: 46 % hits with adaptive
keep: memory s3-fifo -> memory adaptive
afterwards: 66 % hits with adaptive
A ghost that changed to memory adaptive is at +30.4 points to one that kept memory s3-fifo (36.9 %), and has made up for the change.
undo: memory adaptive -> memory lru
as given: lru, mode advise`,
  "26-encryption.ts": `
On the disk: noise.
In PostgreSQL: strata-sealed:U1…
For Ana: the plan of ana.
Wrapped anew: 3 keys.
Keys that are left: 1.
Ana: nothing; Ben: the plan of ben.`,
};

const examples = readdirSync(FOLDER).filter((name) => /^\d/.test(name));

describe("the examples", () => {
  test("are all known here", () => {
    expect(examples).toEqual(Object.keys(PRINTS).toSorted());
  });

  test.each(examples)("%s prints what it shows, and leaves nothing behind", async (name) => {
    const home = mkdtempSync(join(tmpdir(), "strata-examples-"));
    try {
      const { DEEPSEEK_API_KEY: _, REDIS_URL: __, ...env } = process.env;
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        ["--import", pathToFileURL(LOADER).href, join(FOLDER, name)],
        {
          cwd: home,
          env: { ...env, TMPDIR: home },
          timeout: 240_000,
        },
      );
      expect(stderr).toBe("");
      expect(stdout.trimEnd()).toMatch(pattern(PRINTS[name] ?? ""));
      // The loader of TypeScript keeps its own files there.
      expect(readdirSync(home).filter((left) => !left.startsWith("tsx"))).toEqual([]);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });

  test.each(examples)("%s fits on a page and uses the package by its name", (name) => {
    const text = readFileSync(join(FOLDER, name), "utf8");
    expect(text.split("\n").length - 1).toBeLessThanOrEqual(PAGE_LINES);
    expect(text).toMatch(/from "langchain-strata["/]/);
    expect(text).not.toMatch(/from "\.\.\//);
  });
});

describeTier("the tier of the docs", () => mapTier());

function pattern(text: string): RegExp {
  const parts = text
    .trim()
    .split("…")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}
