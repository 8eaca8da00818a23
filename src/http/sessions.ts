/**
 * How a browser gets in without the token in its address bar, history or scripts: a link that works once becomes a session, whose
 * id lies in a cookie that scripts cannot read (`HttpOnly`) and other sites cannot send (`SameSite=Strict`).
 *
 * The cookie is not the token: cookies go to every port of a host, so another server on this machine sees it. Only digests of
 * links and sessions are kept here.
 */
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { Clock } from "../core/clock.ts";
import { newToken, sha256 } from "./token.ts";

const LINK_LIFE_MS = 10 * 60_000;
const SESSION_LIFE_MS = 12 * 3_600_000;
/** Both are made only by whoever has the token; the bound keeps a script from filling the memory. */
const MAX_KEPT = 1_000;

export class Sessions {
  readonly #clock: Clock;
  /** When what they name ends, on the monotonic clock, by digest. */
  readonly #links = new Map<string, number>();
  readonly #sessions = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns a code that opens one session within ten minutes */
  link(): string {
    return this.#add(this.#links, LINK_LIFE_MS);
  }

  /** Spends a code. @returns whether it was good */
  redeem(c: Context, code: string): boolean {
    const digest = digestOf(code);
    const isGood = this.#isAlive(this.#links, digest);
    this.#links.delete(digest);
    if (isGood) this.open(c);
    return isGood;
  }

  /** Gives the browser a session of twelve hours. */
  open(c: Context): void {
    const id = this.#add(this.#sessions, SESSION_LIFE_MS);
    const secure = new URL(c.req.url).protocol === "https:";
    setCookie(c, cookieName(c), id, { path: "/", httpOnly: true, sameSite: "Strict", secure, maxAge: SESSION_LIFE_MS / 1_000 });
  }

  /** Whether the request comes from a browser with a session. */
  has(c: Context): boolean {
    const id = getCookie(c, cookieName(c));
    return id !== undefined && this.#isAlive(this.#sessions, digestOf(id));
  }

  #add(kept: Map<string, number>, life: number): string {
    const made = newToken();
    for (const oldest of kept.keys()) {
      if (kept.size < MAX_KEPT) break;
      kept.delete(oldest);
    }
    kept.set(digestOf(made), this.#clock.monotonic() + life);
    return made;
  }

  #isAlive(kept: Map<string, number>, digest: string): boolean {
    const end = kept.get(digest);
    if (end === undefined) return false;
    if (end > this.#clock.monotonic()) return true;
    kept.delete(digest);
    return false;
  }
}

/** Two servers on one machine share their cookies: the port keeps them apart. */
function cookieName(c: Context): string {
  const port = /:(\d+)$/.exec(c.req.header("host") ?? "")?.[1] ?? "default";
  return `strata_session_${port}`;
}

function digestOf(secret: string): string {
  return sha256(secret).toString("base64url");
}
