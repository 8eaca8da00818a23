import { spawn } from "node:child_process";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./local-server.ts";
import { openPrefix, type PrefixPlan } from "./private-prefix.ts";
import { waitFor } from "./probes.ts";
import { runCommand } from "./run-command.ts";

/** Prometheus of Debian, with the one library that it links. */
const PLAN: PrefixPlan = { name: "prometheus", suite: "trixie", packages: ["libc6", "prometheus"], wrap: [] };
const START_MS = 30_000;

/** The command of a program of the `prometheus` package: the installed one, else one in a private folder. */
export async function prometheusCommand(program: "prometheus" | "promtool", args: readonly string[]): Promise<string[]> {
  const installed = `/usr/bin/${program}`;
  const isThere = await access(installed).then(
    () => true,
    () => false,
  );
  return isThere ? [installed, ...args] : (await openPrefix(PLAN)).command(`usr/bin/${program}`, args);
}

/** @throws when the rules are not valid, with what is wrong */
export async function checkRules(file: string): Promise<void> {
  await runCommand(await prometheusCommand("promtool", ["check", "rules", file]), process.cwd());
}

export interface PrometheusServer {
  /** An instant query. @throws with what Prometheus says of a query that it does not take */
  query(expression: string): Promise<readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[]>;
  /** Any other path of its API. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts a Prometheus that scrapes one target every 500 ms. */
export async function startPrometheus(target: string, ruleFile?: string): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), "strata-prometheus-"));
  const port = await freePort();
  const config = join(folder, "prometheus.yml");
  const rules = ruleFile === undefined ? "" : `rule_files: [${JSON.stringify(ruleFile)}]\n`;
  await writeFile(
    config,
    `global: { scrape_interval: 500ms, evaluation_interval: 500ms }\n${rules}scrape_configs:\n` +
      `  - job_name: app\n    static_configs: [{ targets: [${JSON.stringify(target)}] }]\n`,
  );
  const places = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const [command = "", ...args] = await prometheusCommand("prometheus", places);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (log = (log + String(chunk)).slice(-4_000)));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));

  async function get(path: string): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: unknown; error?: string };
    if (status !== "success") throw new Error(error ?? `Prometheus answered ${answer.status}.`);
    return data;
  }
  async function stop(): Promise<void> {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
  try {
    const failure = (): Promise<Error | undefined> => Promise.resolve(child.exitCode === null ? undefined : new Error(log));
    await waitFor(() => get("status/buildinfo").then(() => ""), START_MS, failure);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get,
    stop,
    async query(expression) {
      const data = (await get(`query?query=${encodeURIComponent(expression)}`)) as { result: never };
      return data.result;
    },
  };
}
