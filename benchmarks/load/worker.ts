/** One process of the load benchmark. */
import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import { memoryTier, TieredCache } from "langchain-strata";
import { redisTier } from "langchain-strata/redis";
import { prose } from "../harness.ts";

export type Task =
  | { readonly kind: "open"; readonly url: string }
  | { readonly kind: "mix"; readonly seconds: number; readonly seed: number }
  | { readonly kind: "same"; readonly prompt: string; readonly times: number };

export interface WorkDone {
  /** Of each request. */
  readonly micros: number[];
  /** Of those that the cache answered. */
  readonly hitMicros: number[];
  readonly calls: number;
  readonly errors: number;
}

const POPULAR = 500;
const IN_FLIGHT = 16;
const MODEL_MS = 5;

let calls = 0;

class SlowModel extends SimpleChatModel {
  _llmType(): string {
    return "slow";
  }
  override _identifyingParams(): Record<string, unknown> {
    return { model: "slow-1" };
  }
  async _call(messages: { text: string }[]): Promise<string> {
    calls++;
    await new Promise((resolve) => setTimeout(resolve, MODEL_MS));
    return prose(1500, messages.at(-1)?.text ?? "");
  }
}

let model: SlowModel | undefined;

async function perform(task: Task): Promise<WorkDone> {
  calls = 0;
  const done: WorkDone = { micros: [], hitMicros: [], calls: 0, errors: 0 };
  let errors = 0;
  if (task.kind === "open") {
    model = new SlowModel({ cache: new TieredCache({ tiers: [memoryTier(), redisTier({ client: task.url })] }) });
    return done;
  }
  const ask = async (prompt: string): Promise<void> => {
    const start = performance.now();
    try {
      const answer = await model?.invoke(prompt);
      const micros = (performance.now() - start) * 1000;
      done.micros.push(micros);
      if (answer?.response_metadata["strata"] !== undefined) done.hitMicros.push(micros);
    } catch {
      errors++;
    }
  };
  if (task.kind === "same") {
    await Promise.all(Array.from({ length: task.times }, () => ask(task.prompt)));
    return { ...done, calls, errors };
  }
  let state = task.seed * 7919 + 1;
  const random = (): number => (state = (state * 16807) % 2147483647) / 2147483647;
  const until = performance.now() + task.seconds * 1000;
  const loop = async (): Promise<void> => {
    while (performance.now() < until) {
      const isPopular = random() < 0.7;
      const subject = isPopular ? `popular ${Math.floor(random() * POPULAR)}` : `new ${task.seed} ${random()}`;
      await ask(`${subject} ${"word ".repeat(200)}`);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
  return { ...done, calls, errors };
}

process.on("message", (task) => {
  void perform(task as Task).then((done) => process.send?.(done));
});
