import type { IncomingMessage, ServerResponse } from "node:http";

import { ApiError } from "./api-error.ts";
import { isBearer, newCall, type StandInCall } from "./call-log.ts";
import { tokenizeReply, usageOf, type Completion } from "./completion.ts";
import { hang, sendStream, sendWhole, type Exchange } from "./exchange.ts";
import { damage, type StandInFailure } from "./failure.ts";
import type { StandInModel } from "./models.ts";
import type { StandInSettings } from "./options.ts";
import { Pace } from "./pacing.ts";
import type { ChatRequest } from "./protocol.ts";
import { composeReply } from "./reply.ts";
import { parseRequest } from "./request-check.ts";
import { PrefixCache, promptText, tokenize } from "./tokens.ts";

/** A request body may be as large as this: 8 MiB, which is twice the characters of the longest prompt of the API. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

const HEXADECIMAL = "0123456789abcdef";
const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const INTRODUCTION =
  "This is the local stand-in of the DeepSeek API that comes with langchain-strata. It composes its answers and asks no model.\n";

/** The routes of the API and what it remembers between requests: the calls, the prompts, what is scripted to fail. */
export class StandInApi {
  calls: StandInCall[] = [];
  readonly #settings: StandInSettings;
  readonly #prompts = new PrefixCache();
  readonly #stopped = new AbortController();
  #script: Array<StandInFailure | null>;

  constructor(settings: StandInSettings) {
    this.#settings = settings;
    this.#script = [...settings.failures];
  }

  fail(failures: ReadonlyArray<StandInFailure | null>): void {
    this.#script.push(...failures);
  }

  reset(): void {
    this.calls = [];
    this.#prompts.clear();
    this.#script = [...this.#settings.failures];
  }

  stop(): void {
    this.#stopped.abort(new Error("the stand-in was closed"));
  }

  /** Never rejects: what goes wrong is answered, or noted in the call. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("server", "langchain-strata-deepseek-stand-in");
    response.on("error", () => undefined); // a client that goes while it is written to; `close` reports it as well
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const route = `${request.method} ${path.replace(/^\/(?:v1|beta)(?=\/)/, "").replace(/(?<=.)\/$/, "")}`;
    if (route === "POST /chat/completions") return this.#complete(request, response, newCall(path, request.headers));
    request.resume();
    if (route === "GET /models") return this.#listModels(request, response);
    if (route === "GET /") response.end(INTRODUCTION);
    else refuse(response, new ApiError(/ \/(?:models|chat\/completions)?$/.test(route) ? 405 : 404));
  }

  #listModels(request: IncomingMessage, response: ServerResponse): void {
    const { authorization } = request.headers;
    if (!isBearer(authorization)) return refuseKey(response, authorization);
    const data = this.#settings.models.map(({ id }) => ({ id, object: "model", owned_by: "deepseek" }));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ object: "list", data }));
  }

  async #complete(incoming: IncomingMessage, response: ServerResponse, call: StandInCall): Promise<void> {
    this.calls.push(call);
    const failure = this.#script.shift() ?? undefined;
    const gone = new AbortController();
    response.once("close", () => response.writableFinished || gone.abort(new Error("the client went away")));
    const signal = AbortSignal.any([gone.signal, this.#stopped.signal]);
    const { clock, keepAlive } = this.#settings;
    try {
      await this.#answer(incoming, { response, call, clock, keepAlive, signal }, failure);
    } catch (error) {
      if (this.#stopped.signal.aborted) call.outcome = "closed";
      else if (signal.aborted || !incoming.complete) call.outcome = "aborted";
      else {
        call.outcome = "refused";
        call.status = refuse(response, error instanceof ApiError ? error : new ApiError(500, (error as Error).message));
      }
    }
  }

  async #answer(incoming: IncomingMessage, exchange: Exchange, failure: StandInFailure | undefined): Promise<void> {
    const { call, response } = exchange;
    const pace = new Pace(this.#settings.clock, this.#settings.delay, this.#settings.random);
    const json = await readBody(incoming);
    call.body = parseLoosely(json);
    if (!call.authorized) {
      call.outcome = "refused";
      call.status = 401;
      return refuseKey(response, incoming.headers.authorization);
    }
    if (failure !== undefined && "status" in failure) {
      if (failure.retryAfter !== undefined) response.setHeader("retry-after", String(failure.retryAfter));
      throw new ApiError(failure.status, failure.message);
    }
    const { request, model, thinks } = parseRequest(json, this.#settings);
    if (failure !== undefined && "hang" in failure) return hang(exchange, failure.hang, request.stream === true);

    const completion = await this.#compose(request, model, thinks, failure);
    call.usage = completion.usage;
    const cut = failure !== undefined && "cut" in failure ? failure : undefined;
    if (request.stream !== true) return sendWhole(exchange, completion, pace, cut);
    return sendStream(exchange, completion, request, pace, this.#settings.usageChunk, cut);
  }

  async #compose(
    request: ChatRequest,
    model: StandInModel,
    thinks: boolean,
    failure: StandInFailure | undefined,
  ): Promise<Completion> {
    const custom = await this.#settings.replies(request, model);
    const reply = typeof custom === "string" ? { content: custom } : (custom ?? composeReply(request));
    const { tokens, finish } = damage(
      tokenizeReply(reply, request, thinks, (index) => this.#callId(index)),
      failure,
    );
    const prompt = tokenize(promptText(request));
    const usage = usageOf(prompt.length, this.#prompts.read(model.id, prompt), tokens, thinks);
    const created = Math.floor(this.#settings.clock.now() / 1000);
    return { id: this.#uuid(), created, model: model.id, thinks, tokens, finish, usage };
  }

  #uuid(): string {
    const hex = this.#letters(HEXADECIMAL, 30);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-8${hex.slice(15, 18)}-${hex.slice(18)}`;
  }

  /** In the form of the API: the number of the call within the answer, then 24 letters. */
  #callId(index: number): string {
    return `call_${String(index).padStart(2, "0")}_${this.#letters(LETTERS_AND_DIGITS, 24)}`;
  }

  #letters(alphabet: string, count: number): string {
    return Array.from({ length: count }, () => alphabet[Math.floor(this.#settings.random() * alphabet.length)]).join("");
  }
}

/** Reads on past the limit without keeping anything: a client that is still sending would not see the answer. */
async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes <= MAX_BODY_BYTES) pieces.push(piece);
    else pieces.length = 0;
  }
  if (bytes > MAX_BODY_BYTES) throw new ApiError(413);
  return Buffer.concat(pieces).toString("utf8");
}

function parseLoosely(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // the check of the request says what is wrong with it
  }
}

function refuse(response: ServerResponse, error: ApiError): number {
  if (response.headersSent) response.destroy();
  else response.writeHead(error.status, { "content-type": "application/json" }).end(error.body());
  return error.status;
}

/** A request without any key is answered by the gateway before the API, in plain text. */
function refuseKey(response: ServerResponse, authorization: string | undefined): void {
  if (authorization === undefined) response.writeHead(401).end("Authentication Fails (governor)");
  else refuse(response, new ApiError(401, "Authentication Fails (auth header format should be Bearer sk-...)"));
}
