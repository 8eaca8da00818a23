/**
 * Which strategy serves a query, and why: what is certain first (a time that the query names, a word for other conversations), then
 * the trained model where it is sure, else `hybrid`, which is never far from the best. What a user reported of earlier recalls shifts
 * the model's opinion a little; a strategy is never preferred for having been used, since that only repeats the router's own choices.
 */
import { fold } from "../../text/terms.ts";
import { STRATEGIES, type Strategy } from "../strategy.ts";
import type { QueryRouter } from "./linear-router.ts";

export interface RouteRequest {
  readonly query: string;
  /** The words of the query that name a time of the conversation. */
  readonly time?: string | undefined;
  /** Whether the session is known and has turns. */
  readonly hasSession: boolean;
  /** How well a strategy has served this owner, relative to the others; 1 = as well as them. */
  readonly standing: (strategy: Strategy) => number;
}

export interface Route {
  readonly strategy: Strategy;
  /** For people: one sentence. */
  readonly reason: string;
  /** 0 to 1: how much speaks for it; 1 where it is certain. */
  readonly confidence: number;
  /** With what probability it would be chosen again, so that outcomes can be weighed. */
  readonly propensity: number;
  readonly isExploration: boolean;
}

export interface RecallRouterOptions {
  readonly model: QueryRouter;
  readonly random: () => number;
  /** Share of undecided choices that try another strategy, 0 to 1. */
  readonly exploration: number;
}

export type RecallRouter = (request: RouteRequest) => Route;

/** Below this the model abstains. To fetch nothing it must be surer: it is the one choice that loses everything when wrong. */
const SURE = 0.5;
const SURE_OF_NOTHING = 0.8;

const OTHER_CONVERSATIONS =
  /\b(?:(?:other|another|different|previous|past|earlier|all|any|every|old(?:er)?) (?:of )?(?:our |my |the )?(?:chats?|conversations?|sessions?|threads?|discussions?)|(?:have i|did i|i(?:'ve| have)?) ever|across (?:all )?(?:our |my )?(?:chats|conversations|sessions)|(?:outr[ao]s?|todas as|qualquer|alguma|varias|antigas?|noutr[ao]s?) (?:as )?(?:nossas |minhas )?(?:conversas?|sessao|sessoes|chats?|papos?)|conversas? (?:anteriore?s?|antigas?|passadas?)|alguma vez (?:te |lhe )?(?:disse|falei|contei|mencionei)|(?:eu )?ja (?:te |lhe )?(?:disse|falei|contei|mencionei))\b/;

export function recallRouter({ model, random, exploration }: RecallRouterOptions): RecallRouter {
  return (request) => {
    const certain = certainRoute(request);
    if (certain !== undefined) return { ...certain, confidence: 1, propensity: 1, isExploration: false };
    const opinion = model(request.query);
    const { strategy, reason, confidence } = decided(opinion.probabilities, request);
    const others = STRATEGIES.filter((name) => name !== strategy && name !== "session_only" && isPossible(name, request));
    // Small talk is not explored: nobody reports an outcome of it.
    if (exploration === 0 || others.length === 0 || strategy === "session_only") {
      return { strategy, reason, confidence, propensity: 1, isExploration: false };
    }
    if (random() >= exploration) return { strategy, reason, confidence, propensity: 1 - exploration, isExploration: false };
    const tried = others[Math.min(others.length - 1, Math.floor(random() * others.length))] as Strategy;
    return {
      strategy: tried,
      reason: `tried in place of ${strategy}, to learn how it serves`,
      confidence: 0,
      propensity: exploration / others.length,
      isExploration: true,
    };
  };
}

function certainRoute({ query, time, hasSession }: RouteRequest): Pick<Route, "strategy" | "reason"> | undefined {
  if (time !== undefined) return { strategy: "cross_conversation", reason: `the query names a time: "${time}"` };
  const words = OTHER_CONVERSATIONS.exec(fold(query.slice(0, 4_096)))?.[0];
  if (words !== undefined) return { strategy: "cross_conversation", reason: `the query names other conversations: "${words}"` };
  if (query.trim() === "") {
    return hasSession
      ? { strategy: "recent_history", reason: "there is no query" }
      : { strategy: "session_only", reason: "there is neither a query nor a session" };
  }
  return undefined;
}

function decided(
  probabilities: Readonly<Record<Strategy, number>>,
  request: RouteRequest,
): Pick<Route, "strategy" | "reason" | "confidence"> {
  const weighed = STRATEGIES.map((name) => ({ name, value: probabilities[name] * request.standing(name) }));
  const sum = weighed.reduce((total, { value }) => total + value, 0);
  const best = weighed.reduce((a, b) => (b.value > a.value ? b : a));
  const share = sum > 0 ? best.value / sum : 0;
  const percent = `${Math.round(share * 100)} %`;
  if (!isPossible(best.name, request)) {
    return { strategy: "hybrid", confidence: share, reason: `${best.name} (${percent}) needs a session with messages` };
  }
  if (!(share >= (best.name === "session_only" ? SURE_OF_NOTHING : SURE))) {
    return { strategy: "hybrid", confidence: share, reason: `undecided: ${best.name} has ${percent}` };
  }
  return { strategy: best.name, confidence: share, reason: `${best.name} fits the wording best (${percent})` };
}

function isPossible(strategy: Strategy, { hasSession }: RouteRequest): boolean {
  return hasSession || (strategy !== "recent_history" && strategy !== "semantic_search");
}
