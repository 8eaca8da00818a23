/** What the dashboard's server and its pages say to each other; JSON, all times Unix ms. */
import type { AlertStatus } from "../alerts.ts";
import type { MetricsSnapshot, MetricsSummary } from "../metrics-snapshot.ts";
import type { SemanticLookupEvent, StrataEvent } from "../../core/events.ts";

/** What the server lets its visitors do and see. */
export interface WireSettings {
  readonly name: string;
  readonly version: string;
  /** Whether anything can be changed. */
  readonly writes: boolean;
  /** Whether prompts and answers may be shown. */
  readonly prompts: boolean;
  /** The parts that there are, so that a page can say what is missing. */
  readonly parts: readonly WirePart[];
}

export type WirePart = "cache" | "semantic" | "conversations" | "alerts" | "events";

/** Sent every second, and once by `GET /api/state`. */
export interface WireState {
  readonly at: number;
  readonly metrics: MetricsSnapshot;
  readonly summary: MetricsSummary;
  /** Alerts that are firing. */
  readonly firing: number;
  /** The newest decision's number: a page that shows decisions asks again when it has grown. */
  readonly newest: number;
}

/** One decision of the semantic step; `hitId` where it was served in this process, for feedback. */
export interface WireDecision {
  readonly number: number;
  readonly at: number;
  readonly outcome: SemanticLookupEvent["outcome"];
  readonly reason: SemanticLookupEvent["reason"];
  readonly similarity: number | null;
  readonly confidence: number | null;
  readonly veto: string | null;
  readonly ms: number;
  /** The first characters of the key of the question that was asked. */
  readonly key: string;
  readonly hitId: string | null;
  readonly verdict: "right" | "wrong" | null;
}

/** A reranking, or a fault of one. */
export interface WireRerank {
  readonly number: number;
  readonly at: number;
  readonly event: Extract<StrataEvent, { type: "rerank" }>;
}

/** Something that went wrong, or is well again. */
export interface WireIncident {
  readonly number: number;
  readonly at: number;
  readonly part: string;
  readonly kind: "fault" | "off" | "on";
  readonly cause: string;
}

export type EntryOrderName = "newest" | "oldest" | "largest" | "costliest";

export interface WireEntry {
  readonly key: string;
  readonly tiers: readonly string[];
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly savesMs: number;
  readonly bytes: number;
  /** The question's or value's beginning, where prompts may be shown and were asked for. */
  readonly text: string | null;
}

export interface WireEntryPage {
  readonly entries: readonly WireEntry[];
  readonly total: number;
  /** For the page after; `null` = this is the last. */
  readonly cursor: string | null;
  readonly ms: number;
  readonly index: {
    /** Entries that are in it. */
    readonly entries: number;
    readonly building: boolean;
    /** When it was whole; `null` = not yet. */
    readonly at: number | null;
    /** Tiers that could not be read. */
    readonly failed: readonly string[];
  };
  readonly tiers: readonly string[];
}

export interface WireEntryDetail extends WireEntry {
  readonly scope: string;
  readonly tags: readonly string[];
  readonly storedBytes: number;
  readonly kind: "answer" | "value";
  readonly model: string | null;
  readonly tokens: number | null;
  /** `null` where prompts are hidden, or the cache does not store them. */
  readonly question: string | null;
  readonly answer: string | null;
}

export interface WireConversation {
  readonly ownerId: string;
  readonly sessionId: string;
  readonly feature: string | null;
  readonly messages: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface WireMessage {
  readonly role: string;
  readonly at: number;
  /** `null` where prompts are hidden. */
  readonly text: string | null;
  readonly length: number;
}

export interface WireHistory {
  readonly stepMs: number;
  /** Unix ms of each step, oldest first. */
  readonly at: readonly number[];
  /** By series, aligned with `at`. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
}

/** A rule as it stands. */
export type WireAlert = AlertStatus;

export interface WireHealth {
  readonly status: "ok" | "degraded" | "down";
  readonly parts: readonly { readonly name: string; readonly status: "ok" | "degraded" | "down"; readonly detail: string }[];
}
