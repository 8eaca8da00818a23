import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { faultProxy, type FaultProxy } from "../../support/fault-proxy.ts";
import { calmest, durationOf } from "../../support/calmest.ts";

let echo: Server;
let received: Buffer[];
let proxy: FaultProxy;
const sockets: Socket[] = [];

beforeEach(async () => {
  received = [];
  echo = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received.push(bytes);
      socket.write(bytes);
    });
  });
  await once(echo.listen(0, "127.0.0.1"), "listening");
  proxy = await faultProxy((echo.address() as AddressInfo).port, { seed: 7 });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.close();
  echo.close();
});

/** A client of the proxy that keeps what it gets and how it ended. */
async function dial(): Promise<{ socket: Socket; text: () => string; bytes: () => Buffer; ended: Promise<string> }> {
  const socket = connect({ port: proxy.port, host: "127.0.0.1" });
  sockets.push(socket);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<string>((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once("end", () => resolve("end"));
  });
  await once(socket, "connect");
  const bytes = (): Buffer => Buffer.concat(chunks);
  return { socket, text: () => bytes().toString(), bytes, ended };
}

/** Polls, because bytes arrive when they arrive; fails with what is there after 20 seconds. */
const eventually = (what: () => unknown, wanted: unknown): Promise<void> =>
  expect.poll(what, { interval: 5, timeout: 20_000 }).toEqual(wanted);

describe("without faults", () => {
  it("passes bytes both ways and counts connections", async () => {
    const [first, second] = [await dial(), await dial()];
    first.socket.write("one");
    second.socket.write("two");
    await eventually(() => [first.text(), second.text()], ["one", "two"]);
    expect([proxy.accepted, proxy.open]).toEqual([2, 2]);
    first.socket.end();
    expect(await first.ended).toBe("end");
    await eventually(() => [proxy.accepted, proxy.open], [2, 1]);
  });

  it("delivers a reply that comes after the client has finished sending", async () => {
    proxy.set({ replies: { latencyMs: 30 } });
    const client = await dial();
    client.socket.end("bye");
    expect(await client.ended).toBe("end");
    expect(client.text()).toBe("bye");
  });

  it("delivers a request after the server has finished sending", async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => received.push(bytes));
      socket.end("hello");
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const own = await faultProxy((server.address() as AddressInfo).port);
    const socket = connect({ port: own.port, host: "127.0.0.1", allowHalfOpen: true });
    sockets.push(socket);
    const [greeting] = (await once(socket, "data")) as [Buffer];
    await once(socket, "end");
    socket.write("late");
    await eventually(() => [greeting.toString(), Buffer.concat(received).toString()], ["hello", "late"]);
    await own.close();
    server.close();
  });

  it("puts its own address into a URL and keeps the rest", () => {
    expect(proxy.through("redis://:secret@db.example:6379/3?x=1")).toBe(`redis://:secret@127.0.0.1:${proxy.port}/3?x=1`);
  });
});

describe("latency", () => {
  it("delays each chunk by at least its latency, without adding up", async () => {
    proxy.set({ requests: { latencyMs: 60 }, replies: { latencyMs: 60 } });
    const trip = async (): Promise<number> => {
      const client = await dial();
      const took = await durationOf(async () => {
        for (const word of ["a", "b", "c", "d", "e"]) {
          client.socket.write(word);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        await eventually(client.text, "abcde");
      });
      expect(took).toBeGreaterThanOrEqual(120);
      return took;
    };
    expect(await calmest(400, trip)).toBeLessThan(400); // Five chunks one after the other would take 600.
  });

  it("never changes the order of bytes, however it jitters", async () => {
    proxy.set({ replies: { jitterMs: 20 } });
    const client = await dial();
    const words = Array.from({ length: 50 }, (_, index) => `${index};`);
    for (const word of words) {
      client.socket.write(word);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(client.text, words.join(""));
  });

  it("limits the bandwidth", async () => {
    proxy.set({ replies: { bytesPerSecond: 50_000, sliceBytes: 500 } });
    const client = await dial();
    const start = performance.now();
    client.socket.write(Buffer.alloc(10_000, "x"));
    await eventually(() => client.bytes().length, 10_000);
    expect(performance.now() - start).toBeGreaterThanOrEqual(190);
  });
});

describe("partitions", () => {
  it("holds everything in a black hole and delivers it in order after healing", async () => {
    const client = await dial();
    client.socket.write("before ");
    await eventually(client.text, "before ");
    proxy.blackHole();
    client.socket.write("during ");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(Buffer.concat(received).toString()).toBe("before ");
    proxy.set({});
    client.socket.write("after");
    await eventually(client.text, "before during after");
  });

  it("loses a reply that the server has sent, and nothing else", async () => {
    const client = await dial();
    proxy.set({ replies: { drop: true } });
    client.socket.write("lost");
    await eventually(() => Buffer.concat(received).toString(), "lost");
    await new Promise((resolve) => setTimeout(resolve, 30));
    proxy.set({});
    client.socket.write("kept");
    await eventually(client.text, "kept");
    expect(Buffer.concat(received).toString()).toBe("lostkept");
  });

  it("refuses new connections, leaves the open one alone, and accepts again on the same port", async () => {
    const client = await dial();
    await proxy.refuse();
    await expect(dial()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.socket.write("still here");
    await eventually(client.text, "still here");
    await proxy.accept();
    const next = await dial();
    next.socket.write("back");
    await eventually(next.text, "back");
    expect(proxy.accepted).toBe(2);
  });
});

describe("broken connections", () => {
  it("resets open connections and accepts new ones", async () => {
    const client = await dial();
    client.socket.write("x");
    await eventually(client.text, "x");
    proxy.reset();
    expect(await client.ended).toBe("ECONNRESET");
    expect(proxy.open).toBe(0);
    const next = await dial();
    next.socket.write("y");
    await eventually(next.text, "y");
  });

  it("cuts in the middle of a reply: exactly so many bytes arrive, then a reset", async () => {
    proxy.set({ replies: { cutAfterBytes: 5 } });
    const client = await dial();
    client.socket.write("123");
    await eventually(client.text, "123");
    client.socket.write("45678");
    expect(await client.ended).toBe("ECONNRESET");
    expect(client.text()).toBe("12345");
  });

  it("cuts a request short: the server sees only its beginning", async () => {
    proxy.set({ requests: { cutAfterBytes: 4 } });
    const client = await dial();
    client.socket.write("SETTLE");
    // The kernel tells either, depending on what it had taken from the client when the connection went.
    expect(["ECONNRESET", "end"]).toContain(await client.ended);
    await eventually(() => Buffer.concat(received).toString(), "SETT");
  });

  it("resets its client when the server is not there", async () => {
    const nobody = await faultProxy(1);
    const socket = connect({ port: nobody.port, host: "127.0.0.1" });
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
    await nobody.close();
  });
});

describe("damage", () => {
  /** What comes back of 4 000 zero bytes, one bit in some of which is turned. */
  async function damaged(seed: number): Promise<Buffer> {
    const own = await faultProxy((echo.address() as AddressInfo).port, { seed });
    own.set({ replies: { flipChance: 0.01 } });
    const socket = connect({ port: own.port, host: "127.0.0.1" });
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
    socket.write(Buffer.alloc(4_000));
    await eventually(() => bytes.length, 4_000);
    socket.destroy();
    await own.close();
    return bytes;
  }

  it("turns single bits, about as many as asked for, and the same ones for the same seed", async () => {
    const bytes = await damaged(3);
    const turned = [...bytes].filter((byte) => byte !== 0);
    expect(turned.every((byte) => (byte & (byte - 1)) === 0)).toBe(true);
    expect(turned.length).toBeGreaterThan(15);
    expect(turned.length).toBeLessThan(80);
    expect((await damaged(3)).equals(bytes)).toBe(true);
    expect((await damaged(4)).equals(bytes)).toBe(false);
  });

  it("slices what was one chunk into many", async () => {
    proxy.set({ requests: { sliceBytes: 1, bytesPerSecond: 100 } });
    const client = await dial();
    // For most of a second: what has piled up while this process was kept waiting is read in one piece.
    const text = "sliced".repeat(12);
    client.socket.write(text);
    await eventually(client.text, text);
    expect(received.length).toBeGreaterThan(2);
  });
});
