import { describe, expect, it } from "vitest";
import { Recording } from "../../../src/cache/model/recording.ts";
import { settled } from "../../support/scripted-model.ts";

async function all(recording: Recording<number>, signal?: AbortSignal): Promise<number[]> {
  const items: number[] = [];
  for await (const item of recording.read(signal)) items.push(item);
  return items;
}

describe("a recording", () => {
  it("gives every reader everything, whenever it comes", async () => {
    const recording = new Recording<number>();
    const early = all(recording);
    recording.push(1);
    await settled();
    const late = all(recording);
    recording.push(2);
    recording.end();
    expect(await early).toEqual([1, 2]);
    expect(await late).toEqual([1, 2]);
    expect(await all(recording)).toEqual([1, 2]);
  });

  it("lets its producer go no further than the fastest reader", async () => {
    const recording = new Recording<number>();
    const signal = new AbortController().signal;
    let made = 0;
    const producer = (async () => {
      for (let item = 1; item <= 5; item++) {
        await recording.untilWanted(signal);
        recording.push((made = item));
      }
      recording.end();
    })();
    await settled();
    expect(made).toBe(0);
    const [fast, slow] = [recording.read(undefined), recording.read(undefined)];
    await fast.next();
    await fast.next();
    await slow.next();
    await settled();
    expect(made).toBe(2);
    recording.wantAll();
    await producer;
    expect(made).toBe(5);
    expect((await slow.next()).value).toBe(2);
  });

  it("lets a reader go at once when it aborts, also when there is more to read", async () => {
    const recording = new Recording<number>();
    recording.push(1);
    recording.push(2);
    const controller = new AbortController();
    const reader = recording.read(controller.signal);
    await reader.next();
    controller.abort(new Error("enough"));
    await expect(reader.next()).rejects.toThrow("enough");
    const waiting = all(recording, AbortSignal.timeout(10));
    await expect(waiting).rejects.toThrow();
  });

  it("lets its producer go when nobody wants it any more", async () => {
    const controller = new AbortController();
    const waiting = new Recording<number>().untilWanted(controller.signal);
    controller.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
  });
});
