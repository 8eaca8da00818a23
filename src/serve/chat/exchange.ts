/**
 * One question to the upstream, and all who wait for its answer: the first has asked, the others have joined. What has come of a stream
 * is kept, so that whoever comes late reads it from its beginning. When the last one has gone, the question is taken back.
 */
import { waitOrAbort } from "../../core/abort.ts";
import { Recording } from "../../cache/model/recording.ts";
import type { FoundAnswer } from "../../cache/semantic/match.ts";
import { CompletionAssembler } from "./completion-stream.ts";
import { readCompletion, type Completion } from "./completion.ts";
import { isEventStream, UpstreamError, type UpstreamAnswer } from "./upstream.ts";

/** How it begins: with an answer that the cache had under another question, or with the upstream's status and headers. */
export type Beginning =
  | { readonly kind: "found"; readonly found: FoundAnswer }
  | { readonly kind: "stream"; readonly status: number; readonly headers: Headers }
  | {
      readonly kind: "whole";
      readonly status: number;
      readonly headers: Headers;
      readonly text: string;
      /** `undefined` for an error, and for what is no answer of the protocol. */
      readonly completion: Completion | undefined;
    };

export interface ExchangeWork {
  /** What the cache may still have; asked before the upstream. */
  find(): Promise<FoundAnswer | undefined>;
  ask(signal: AbortSignal): Promise<UpstreamAnswer>;
  /** Told once, when a whole answer is there, or when there will be none. */
  landed(completion: Completion | undefined): void;
}

/** Characters of one answer; more are an attack or a mistake. */
const LONGEST_ANSWER = 64 * 1024 * 1024;

export class Exchange {
  readonly beginning: Promise<Beginning>;
  /** The whole answer of a stream, once it is there; `undefined` when it broke off. Never rejects. */
  readonly whole: Promise<Completion | undefined>;
  readonly #recording = new Recording<string>();
  readonly #controller = new AbortController();
  #failure: unknown;
  #readers = 0;
  #isOver = false;

  constructor(work: ExchangeWork) {
    this.#recording.wantAll();
    let begin: (beginning: Beginning) => void = () => undefined;
    let fail: (error: unknown) => void = () => undefined;
    this.beginning = new Promise<Beginning>((resolve, reject) => {
      begin = resolve;
      fail = reject;
    });
    this.beginning.catch(() => undefined);
    this.whole = this.#run(work, begin).then(
      (completion) => {
        work.landed(completion);
        return completion;
      },
      (error: unknown) => {
        this.#failure = error;
        fail(error);
        work.landed(undefined);
        return undefined;
      },
    );
    void this.whole.then(() => {
      this.#isOver = true;
      this.#recording.end();
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whoever waits calls this, and the returned function when it no longer does. */
  join(): () => void {
    this.#readers++;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#readers--;
      if (this.#readers > 0 || this.#isOver) return;
      // At once: whoever came now would wait for an answer that was taken back.
      this.#isOver = true;
      this.#controller.abort(new DOMException("Nobody waits any more.", "AbortError"));
    };
  }

  /** The text of a stream from its beginning. @throws what ended it early */
  async *read(signal: AbortSignal): AsyncGenerator<string> {
    yield* this.#recording.read(signal);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #run(work: ExchangeWork, begin: (beginning: Beginning) => void): Promise<Completion | undefined> {
    const { signal } = this.#controller;
    const found = await waitOrAbort(work.find(), signal);
    if (found !== undefined) {
      begin({ kind: "found", found });
      return undefined;
    }
    const answer = await work.ask(signal);
    const { status, headers } = answer;
    if (status === 200 && isEventStream(headers)) {
      begin({ kind: "stream", status, headers });
      return this.#record(answer);
    }
    let text = "";
    for await (const piece of answer.pieces()) text = within(text + piece);
    const completion = status === 200 ? parse(text) : undefined;
    begin({ kind: "whole", status, headers, text, completion });
    return completion;
  }

  async #record(answer: UpstreamAnswer): Promise<Completion | undefined> {
    const assembler = new CompletionAssembler();
    let length = 0;
    for await (const piece of answer.pieces()) {
      length += piece.length;
      if (length > LONGEST_ANSWER) throw tooLong();
      this.#recording.push(piece);
      assembler.feed(piece);
    }
    return assembler.end();
  }
}

function within(text: string): string {
  if (text.length > LONGEST_ANSWER) throw tooLong();
  return text;
}

function tooLong(): UpstreamError {
  return new UpstreamError(502, `The upstream's answer is longer than ${LONGEST_ANSWER} characters.`);
}

function parse(text: string): Completion | undefined {
  try {
    const completion = readCompletion(JSON.parse(text));
    // As of a stream: some gateways answer 200 and say in the body what went wrong, or where it broke off.
    const isWhole = completion?.choices.every(({ finish_reason: reason }) => typeof reason === "string") === true;
    return isWhole && (completion["error"] ?? null) === null ? completion : undefined;
  } catch {
    return undefined;
  }
}
