import { expect, test } from "vitest";
import { connectRedis } from "../../../src/clients/redis.ts";
import { manualClock } from "../../../src/core/clock.ts";

test("a connection to a server that is away is closed at once: nothing is waited for, and no timer is left to a process that ends", async () => {
  // No timer of this clock fires: what would wait for one waits for ever.
  const connection = connectRedis("redis://127.0.0.1:1", { option: "redis", clock: manualClock() });
  await expect(connection.send(["ping"])).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await connection.close();
  await connection.close();
});
