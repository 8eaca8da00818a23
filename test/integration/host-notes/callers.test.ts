import "@langchain/core/context";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { RunnableLambda } from "@langchain/core/runnables";
import { expect } from "vitest";
import type { TieredCacheOptions } from "../../../src/index.ts";
import { deepSeek, section, tieredCache } from "./bed.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

section("What the cache sees of a call", (note) => {
  note("A cache does not see the config of a bare call", async () => {
    const config = { configurable: { user: "alice", strata: { bypass: true } } };
    const scope: TieredCacheOptions["scope"] = ({ config }) => {
      const user = config?.configurable?.["user"] as string | undefined;
      return user === undefined ? undefined : { user };
    };
    // A call on the model itself: no scope, so no caching; and what `strata` asked for is not seen either.
    const bare = tieredCache({ scope });
    await deepSeek({ cache: bare }).invoke("What is risk?", config);
    expect(bare.stats()).toMatchObject({ misses: 0, bypassed: { "no-scope": 2 } });
    const unseen = tieredCache();
    await deepSeek({ cache: unseen }).invoke("What is risk?", config);
    expect(unseen.stats()).toMatchObject({ misses: 1, bypassed: {} });

    // Below a lambda, a graph or an agent it is seen.
    const within = tieredCache({ scope });
    const model = deepSeek({ cache: within });
    const asking = RunnableLambda.from((question: string) => model.invoke(question));
    await asking.invoke("What is risk?", { configurable: { user: "alice" } });
    await asking.invoke("What is risk?", { configurable: { user: "alice" } });
    await asking.invoke("What is risk?", { configurable: { user: "bob" } });
    expect(within.stats()).toMatchObject({ hits: 1, misses: 2 });
    await asking.invoke("What is risk?", config);
    expect(within.stats()).toMatchObject({ hits: 1, misses: 2, bypassed: { asked: 2 } });
  });

  note("The config is kept only once somebody has switched that on", async () => {
    const seen = (first: string): string => {
      const program = `${first}
        import { RunnableLambda } from "@langchain/core/runnables";
        import { AsyncLocalStorageProviderSingleton as storage } from "@langchain/core/singletons";
        const asking = RunnableLambda.from(() => storage.getRunnableConfig()?.configurable?.user ?? "nothing");
        console.log(await asking.invoke("hi", { configurable: { user: "alice" } }));`;
      return execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd: ROOT, encoding: "utf8" }).trim();
    };
    expect(seen("")).toBe("nothing");
    expect(seen('import "@langchain/core/context";')).toBe("alice");
    expect(seen('import "@langchain/langgraph";')).toBe("alice");
  });
});
