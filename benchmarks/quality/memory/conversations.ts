/**
 * The sets of conversations that recall is measured on, each as turns and questions. None of them is part of the project; they are
 * read from the folder that `STRATA_BENCH_DATA` names.
 *
 * - LoCoMo (Maharana et al., ACL 2024): ten long conversations of two people, CC BY-NC 4.0.
 * - BEAM-100K (Tavakoli et al., 2025): chats of a user and an assistant, CC BY-SA 4.0.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MemoryTurn } from "../../../src/memory/turns/turn-order.ts";

export interface Question {
  readonly text: string;
  readonly kind: string;
  /** Ids of the turns that hold the answer. */
  readonly relevant: ReadonlySet<string>;
}

export interface BenchConversation {
  readonly name: string;
  readonly turns: readonly MemoryTurn[];
  readonly questions: readonly Question[];
}

const LOCOMO_KINDS: Readonly<Record<number, string>> = {
  1: "multi-hop",
  2: "temporal",
  3: "open",
  4: "single-hop",
  5: "adversarial",
};

interface LocomoTurn {
  readonly dia_id: string;
  readonly speaker: string;
  readonly text: string;
  readonly blip_caption?: string;
}

export function locomo(folder: string): BenchConversation[] {
  const conversations = readJson(join(folder, "locomo10.json")) as {
    sample_id: string;
    conversation: Record<string, unknown>;
    qa: { question: string; evidence?: unknown[]; category: number }[];
  }[];
  return conversations.map(({ sample_id: name, conversation, qa }) => {
    const turns: MemoryTurn[] = [];
    for (let session = 1; `session_${session}_date_time` in conversation; session++) {
      const begun = locomoTime(String(conversation[`session_${session}_date_time`]));
      for (const turn of (conversation[`session_${session}`] ?? []) as LocomoTurn[]) {
        turns.push({
          id: turn.dia_id,
          sessionId: String(session),
          seq: turns.length,
          role: "human",
          name: turn.speaker,
          createdAt: begun,
          // What was sent as a picture is known by its caption.
          text: turn.blip_caption === undefined ? turn.text : `${turn.text} ${turn.blip_caption}`,
        });
      }
    }
    const ids = new Set(turns.map(({ id }) => id));
    const questions = qa.map(({ question, evidence = [], category }) => ({
      text: question,
      kind: LOCOMO_KINDS[category] ?? String(category),
      // "D8:6; D9:17" is two, "D30:05" is D30:5.
      relevant: new Set(
        (evidence.join(" ").match(/D\d+:\d+/g) ?? []).map((id) => id.replace(/:0+(?=\d)/, ":")).filter((id) => ids.has(id)),
      ),
    }));
    return { name, turns, questions: questions.filter(({ relevant }) => relevant.size > 0) };
  });
}

export function beam(folder: string): BenchConversation[] {
  return readdirSync(folder)
    .toSorted((a, b) => Number(a) - Number(b))
    .map((name) => {
      const batches = readJson(join(folder, name, "chat.json")) as {
        turns: { id: number; role: string; content: string; time_anchor?: string | null }[][];
      }[];
      const turns: MemoryTurn[] = [];
      const anchors = batches.flatMap(({ turns: groups }) => groups.flat().flatMap(({ time_anchor: anchor }) => anchor ?? []));
      let day = dayOf(anchors[0] ?? "January-01-2024");
      for (const [batch, { turns: groups }] of batches.entries()) {
        for (const { id, role, content, time_anchor: anchor } of groups.flat()) {
          if (anchor) day = dayOf(anchor);
          turns.push({
            id: String(id),
            sessionId: String(batch),
            seq: turns.length,
            role: role === "user" ? "human" : "ai",
            createdAt: day,
            text: content,
          });
        }
      }
      const ids = new Set(turns.map(({ id }) => id));
      const probes = readJson(join(folder, name, "probing_questions", "probing_questions.json")) as Record<
        string,
        { question: string; source_chat_ids?: unknown }[]
      >;
      const questions = Object.entries(probes).flatMap(([kind, list]) =>
        list.map(({ question, source_chat_ids: sources }) => ({
          text: question,
          kind,
          relevant: new Set(
            numbersIn(sources)
              .map(String)
              .filter((id) => ids.has(id)),
          ),
        })),
      );
      return { name, turns, questions: questions.filter(({ relevant }) => relevant.size > 0) };
    });
}

/** "March-15-2024". */
function dayOf(anchor: string): number {
  return Date.parse(`${anchor.replaceAll("-", " ")} UTC`);
}

/** "1:56 pm on 8 May, 2023". */
function locomoTime(text: string): number {
  const [, hour, minute, half, day] = /^(\d+):(\d+) (am|pm) on (.+)$/i.exec(text) ?? [];
  return (
    Date.parse(`${day} UTC`) + (((Number(hour) % 12) + (half?.toLowerCase() === "pm" ? 12 : 0)) * 60 + Number(minute)) * 60_000
  );
}

/** The ids come as a list, as lists in lists, or by name. */
function numbersIn(value: unknown): number[] {
  if (typeof value === "number") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
