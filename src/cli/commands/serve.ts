/** `strata serve`: the system over HTTP. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LocalEmbeddings } from "../../embeddings/local-embeddings.ts";
import { makePrivateFolder } from "../../core/private-folder.ts";
import type { Reranker } from "../../rerank/reranker.ts";
import { lateInteractionReranker } from "../../rerank/rerankers/late-interaction.ts";
import { lexicalReranker } from "../../rerank/rerankers/lexical.ts";
import type { Sharing } from "../../serve/chat/chat-request.ts";
import { startServer } from "../../serve/start-server.ts";
import { assemble } from "../../system/assemble.ts";
import type { Duration } from "../../core/options.ts";
import { UsageError, type Command } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { localReranker } from "../local-reranker.ts";
import { countOf, readSystem, SYSTEM_OPTIONS, SYSTEM_USAGE } from "../open-strata.ts";

const PORT = 8787;

export const serve: Command = {
  name: "serve",
  summary: "serve a caching proxy, embeddings, reranking and recall over HTTP",
  usage: `Usage: strata serve [--upstream URL] [--port N] [--host ADDRESS --token TOKEN] [OPTIONS]

  --upstream URL    an endpoint of OpenAI's protocol to cache, such as https://api.deepseek.com/v1; default: no proxy
  --port N          default ${PORT}; 0 takes a free one
  --host ADDRESS    to bind; default 127.0.0.1. Any other needs a token
  --token TOKEN     that callers must give; default: STRATA_TOKEN
  --allow-host NAME a name by which the server is called, beside localhost; may be given again
  --allow-origin URL
                    a web page's origin that may call; may be given again
  --share WHAT      credential (default): each credential has its own answers; global: all have the same
  --embeddings NAME static (default), minilm or none
  --reranker NAME   late-interaction (default where its packages are installed), lexical or none
  --deadline TIME   longest time of an answer of the upstream; default 10m
  --grace TIME      for requests under way when the server is told to end; default 30s
  --json            prints one line when it is ready: { "url", "pid", "routes" }
${SYSTEM_USAGE}

Keys of callers go to the upstream and nowhere else. SIGTERM and Ctrl-C end it: readiness is withdrawn, what is under way is
finished, what waits is written. Again, and it ends at once.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...SYSTEM_OPTIONS,
        ...{ upstream: { type: "string" }, port: { type: "string" }, host: { type: "string" }, token: { type: "string" } },
        ...{ "allow-host": { type: "string", multiple: true }, "allow-origin": { type: "string", multiple: true } },
        ...{ share: { type: "string" }, embeddings: { type: "string" }, reranker: { type: "string" } },
        ...{ deadline: { type: "string" }, grace: { type: "string" }, json: { type: "boolean" } },
      },
      strict: true,
    });
    const config = await readSystem(values, terminal);
    const embeddings = embeddingsOf(values.embeddings ?? "static");
    const reranker = values.reranker === "none" ? undefined : rerankerOf(values.reranker);
    const strata = assemble(config);
    const interrupt = untilInterrupted();
    try {
      await strata.begin();
      const server = await startServer({
        parts: {
          cache: strata.cache,
          memory: strata.memory,
          ...(embeddings !== undefined && { embeddings: { model: embeddings.info.model, embeddings } }),
          ...(reranker !== undefined && { reranker }),
          stats: async () => ({ system: await strata.stats() }),
        },
        ...{ port: countOf("port", values.port) ?? PORT, host: values.host },
        token: values.token ?? terminal.environment["STRATA_TOKEN"],
        ...{ hosts: values["allow-host"], origins: values["allow-origin"], upstream: values.upstream },
        sharing: values.share as Sharing | undefined,
        ...(values.upstream !== undefined && { secret: secretIn(config.data) }),
        ...{ deadline: values.deadline as Duration | undefined, grace: values.grace as Duration | undefined },
      });
      const routes = routesOf({ upstream: values.upstream, embeddings: embeddings?.info.model, reranker: reranker?.name });
      if (values.json === true) terminal.out(JSON.stringify({ url: server.url, pid: process.pid, routes }));
      else terminal.out([`Listening on ${server.url}`, ...routes.map((route) => `  ${route}`)].join("\n"));
      await new Promise<void>((resolve) => interrupt.signal.addEventListener("abort", () => resolve(), { once: true }));
      terminal.note("Ending: what is under way is finished.");
      server.drain();
      await server.close();
      return 0;
    } finally {
      await Promise.all([strata.close(), embeddings?.close(), reranker?.close?.()]);
      interrupt.release();
    }
  },
};

function routesOf(parts: {
  readonly upstream: string | undefined;
  readonly embeddings: string | undefined;
  readonly reranker: string | undefined;
}): readonly string[] {
  return [
    "GET /health /health/live /health/ready /stats",
    "POST /clear /recall",
    ...(parts.upstream === undefined ? [] : ["POST /v1/chat/completions /warm, GET /v1/models"]),
    ...(parts.embeddings === undefined ? [] : [`POST /v1/embeddings (${parts.embeddings})`]),
    ...(parts.reranker === undefined ? [] : [`POST /v2/rerank /v1/rerank /rerank (${parts.reranker})`]),
  ];
}

function embeddingsOf(name: string): LocalEmbeddings | undefined {
  if (name === "none") return undefined;
  if (name !== "static" && name !== "minilm") throw new UsageError("--embeddings takes static, minilm or none.");
  return new LocalEmbeddings({ model: name });
}

function rerankerOf(name: string | undefined): Reranker {
  if (name === "lexical") return lexicalReranker();
  if (name === "late-interaction") return lateInteractionReranker();
  if (name !== undefined) throw new UsageError("--reranker takes late-interaction, lexical or none.");
  return localReranker();
}

/** Turns keys of callers into scopes. Kept beside the answers, private to the user: without it they are not found again. */
function secretIn(folder: string): string {
  const file = join(folder, "serve-secret");
  if (!existsSync(file)) {
    makePrivateFolder(folder);
    try {
      writeFileSync(file, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx" });
    } catch (error) {
      // Another process may have been quicker.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  return readFileSync(file, "utf8").trim();
}
