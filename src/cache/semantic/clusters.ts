/**
 * What people ask, by group. Questions are taken by how much they are used; each joins the first group whose head is near enough,
 * or heads a new one ("leader" clustering: J. Hartigan, Clustering Algorithms, 1975, ch. 3). One pass, no number of groups to
 * choose, and the head of a group is its most used question.
 */
import type { Digest } from "../../core/key.ts";
import { parseCount, parseNumber, refuseUnknown } from "../../core/options.ts";
import type { QuestionRecord } from "./question-record.ts";
import type { RecentHits } from "./recent-hits.ts";
import type { SemanticParts } from "./semantic-parts.ts";

export interface Cluster {
  /** The most used question of the group. */
  readonly question: string;
  /** Different questions in it, the most used first. */
  readonly questions: readonly string[];
  /** How often they were asked since this process began: once each, and once more for each hit. */
  readonly asked: number;
  /** Hits on their answers since this process began. */
  readonly hits: number;
  /** What these saved. */
  readonly saved: { readonly ms: number; readonly tokens: number };
}

export interface ClusterOptions {
  /** Least cosine to the head of a group, 0 to 1; default 0.75. */
  readonly similarity?: number | undefined;
  /** Groups given, the most asked first; default 50. */
  readonly limit?: number | undefined;
  /** Questions looked at, the most used first, then the newest; default 2,000. */
  readonly questions?: number | undefined;
}

interface Counted {
  readonly record: QuestionRecord;
  readonly direction: Float32Array;
  readonly hits: number;
  readonly savedMs: number;
  readonly savedTokens: number;
}

interface Group {
  readonly head: Counted;
  readonly members: Counted[];
}

/** Numbers multiplied before others get their turn: about 2 ms. */
const MULTIPLIED_AT_ONCE = 2_000_000;

/** @throws {@link StrataConfigError} naming the option */
export async function clusterQuestions(
  parts: SemanticParts,
  hits: RecentHits,
  scope: Digest | undefined,
  options: ClusterOptions,
): Promise<Cluster[]> {
  refuseUnknown("clusters", options, ["similarity", "limit", "questions", "scope"]);
  const similarity = parseNumber("clusters.similarity", options.similarity ?? 0.75, 0, 1);
  const limit = parseCount("clusters.limit", options.limit ?? 50);
  const most = parseCount("clusters.questions", options.questions ?? 2_000);
  await parts.questions.flush();
  const groups = await groupNear((await readCounted(parts, hits, scope)).slice(0, most), similarity);
  return groups
    .map(describe)
    .toSorted((a, b) => b.asked - a.asked)
    .slice(0, limit);
}

async function readCounted(parts: SemanticParts, hits: RecentHits, scope: Digest | undefined): Promise<Counted[]> {
  const all: Counted[] = [];
  const counted = new Set<Digest>();
  for await (const { record } of parts.questions.all(scope)) {
    const { answer, direction } = record;
    if (answer === undefined || direction === undefined) continue;
    // The hits of an answer are those of its first question here; its aliases share them.
    const usage = counted.has(answer) ? { hits: 0, savedMs: 0, savedTokens: 0 } : hits.usageOf(answer);
    counted.add(answer);
    all.push({ record, direction: unit(direction), ...usage });
  }
  return all.toSorted((a, b) => b.hits - a.hits || b.record.createdAt - a.record.createdAt);
}

async function groupNear(counted: readonly Counted[], similarity: number): Promise<readonly Group[]> {
  const groups: Group[] = [];
  let multiplied = 0;
  for (const question of counted) {
    // It may take a second in all; others get their turn meanwhile.
    multiplied += groups.length * question.direction.length;
    if (multiplied > MULTIPLIED_AT_ONCE) {
      multiplied = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const group = groups.find(({ head }) => cosine(head.direction, question.direction) >= similarity);
    if (group === undefined) groups.push({ head: question, members: [question] });
    else group.members.push(question);
  }
  return groups;
}

function describe({ head, members }: Group): Cluster {
  const sum = (value: (member: Counted) => number): number => members.reduce((total, member) => total + value(member), 0);
  const hits = sum((member) => member.hits);
  return {
    question: head.record.text,
    questions: members.map(({ record }) => record.text),
    asked: members.length + hits,
    hits,
    saved: { ms: sum(({ savedMs }) => savedMs), tokens: sum(({ savedTokens }) => savedTokens) },
  };
}

function unit(direction: string): Float32Array {
  const bytes = Buffer.from(direction, "base64");
  const vector = Float32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return -1;
  let dot = 0;
  for (let at = 0; at < a.length; at++) dot += (a[at] ?? 0) * (b[at] ?? 0);
  return dot;
}
