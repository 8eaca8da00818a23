import { get } from "node:http";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { manualClock, systemClock } from "../../../src/core/clock.ts";
import { EventStreams } from "../../../src/http/event-streams.ts";
import { listen } from "../../../src/http/listen.ts";

const fetch_ = new Hono().get("/", (c) => c.text("here")).fetch;

describe("listen", () => {
  it("answers on this machine only, until it is closed, twice", async () => {
    const server = await listen({ fetch: fetch_, port: 0, clock: systemClock });
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect(await (await fetch(server.url)).text()).toBe("here");
    await Promise.all([server.close(), server.close()]);
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it("says that a port is in use", async () => {
    const server = await listen({ fetch: fetch_, port: 0, clock: systemClock });
    const again = listen({ fetch: fetch_, port: server.port, clock: systemClock });
    await expect(again).rejects.toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("is in use") });
    await server.close();
  });

  it("refuses what is no port and no address of this machine", async () => {
    for (const port of [-1, 65_536, 1.5, Number.NaN]) {
      await expect(listen({ fetch: fetch_, port, clock: systemClock })).rejects.toThrow(/`port`/);
    }
    const elsewhere = listen({ fetch: fetch_, port: 0, host: "203.0.113.1", clock: systemClock });
    await expect(elsewhere).rejects.toThrow(/not one of this machine/);
  });

  it("leaves the globals of the process alone", async () => {
    const { Request: before, Response: answer } = globalThis;
    const server = await listen({ fetch: fetch_, port: 0, clock: systemClock });
    expect([globalThis.Request, globalThis.Response]).toEqual([before, answer]);
    await server.close();
  });

  it("waits for a request under way, but no longer than it was told", async () => {
    const app = new Hono().get("/", () => new Promise<Response>(() => undefined));
    const clock = manualClock();
    const server = await listen({ fetch: app.fetch, port: 0, clock });
    const asked = fetch(server.url).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = server.close();
    await clock.advance(2_000);
    await closed;
    expect(await asked).toBeInstanceOf(Error);
  });
});

describe("event streams", () => {
  it("write what is new at every tick, and end when the server closes", async () => {
    const clock = manualClock();
    const streams = new EventStreams({ clock });
    let tick = 0;
    const app = new Hono().get("/", (c) => streams.respond(c, 1_000, () => ({ event: "tick", data: { n: ++tick } })));
    const server = await listen({ fetch: app.fetch, port: 0, clock: systemClock });
    const reader = (await fetch(server.url)).body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe('event: tick\ndata: {"n":1}\n\n');
    await clock.advance(1_000);
    expect((await reader?.read())?.value).toBe('event: tick\ndata: {"n":2}\n\n');
    streams.close();
    expect((await reader?.read())?.done).toBe(true);
    await server.close();
    expect([streams.open, clock.pending]).toEqual([0, 0]);
  });

  it("are not opened by who asks for the headers alone", async () => {
    const streams = new EventStreams({ clock: manualClock(), max: 1 });
    const app = new Hono().get("/", (c) => streams.respond(c, 1_000, () => undefined));
    const server = await listen({ fetch: app.fetch, port: 0, clock: systemClock });
    const { status, headers } = await fetch(server.url, { method: "HEAD" });
    expect([status, headers.get("content-type"), streams.open]).toEqual([200, "text/event-stream", 0]);
    await server.close();
  });

  it("are let go when their client leaves, and are bounded", async () => {
    const clock = manualClock();
    const streams = new EventStreams({ clock, max: 1 });
    const app = new Hono().get("/", (c) => streams.respond(c, 1_000, () => undefined));
    const server = await listen({ fetch: app.fetch, port: 0, clock: systemClock });
    const client = await new Promise<ReturnType<typeof get>>((resolve) => {
      const asked = get(server.url, { agent: false }, (response) => {
        response.on("error", () => undefined);
        response.once("data", () => resolve(asked));
      });
    });
    expect((await fetch(server.url)).status).toBe(503);
    client.destroy();
    await expect.poll(() => streams.open).toBe(0);
    expect(clock.pending).toBe(0);
    await server.close();
  });
});
