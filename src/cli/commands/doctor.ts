/** `strata doctor`: what works here, what is not installed, and what is broken, with the way out. */
import { parseArgs } from "node:util";
import type { Command, Paint, Terminal } from "../command.ts";
import { checkDiskEngine, checkFolder } from "../doctor/check-folder.ts";
import { checkModel } from "../doctor/check-models.ts";
import { checkNode, checkZstd } from "../doctor/check-node.ts";
import { checkPackages } from "../doctor/check-packages.ts";
import { checkPostgres } from "../doctor/check-postgres.ts";
import { checkRedis } from "../doctor/check-redis.ts";
import { absent, broken, ok, reasonOf, type Finding } from "../doctor/finding.ts";
import { readSystem, SYSTEM_OPTIONS, SYSTEM_USAGE, type SystemValues } from "../open-strata.ts";
import { urlIn } from "../places.ts";
import { formatTable } from "../table.ts";
import type { CheckedConfig } from "../../system/config/read-config.ts";

interface DoctorValues extends SystemValues {
  readonly redis?: string | undefined;
  readonly database?: string | undefined;
}

export const doctor: Command = {
  name: "doctor",
  summary: "check what works on this machine, and say what to do",
  usage: `Usage: strata doctor [--config FILE] [--data DIR] [--redis URL] [--database URL] [--json]

Checks Node, LangChain and the optional packages, the disk and the data folder, the local models, the config, and the servers:
whether they can be reached, how quick they are, whether they are set up for it, and whether the user has the rights.

  --redis URL       default: the config's; without a config, REDIS_URL
  --database URL    of PostgreSQL; default: the config's; without a config, DATABASE_URL
  --json            prints { "ok", "findings": [ { "name", "state", "detail", "advice" } ] }
${SYSTEM_USAGE}

Exit code 0 when nothing that is configured is broken; what is optional and absent is no failure.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { ...SYSTEM_OPTIONS, redis: { type: "string" }, database: { type: "string" }, json: { type: "boolean" } },
      strict: true,
    });
    const findings = await examine(values, terminal);
    const isBroken = findings.some(({ state }) => state === "broken");
    if (values.json === true) terminal.out(JSON.stringify({ ok: !isBroken, findings }));
    else show(findings, terminal);
    return isBroken ? 1 : 0;
  },
};

async function examine(values: DoctorValues, terminal: Terminal): Promise<readonly Finding[]> {
  const { config, finding } = await readConfigured(values, terminal);
  const { environment } = terminal;
  const isConfigured = (values.config ?? environment["STRATA_CONFIG"] ?? "") !== "";
  const redis = values.redis ?? (isConfigured ? urlIn(config?.redis) : environment["REDIS_URL"]);
  const postgres = values.database ?? (isConfigured ? urlIn(config?.postgres) : environment["DATABASE_URL"]);
  const disk = config?.cache.disk;
  return [
    checkNode(),
    checkZstd(),
    ...(await checkPackages(packagesOf(config, { redis, postgres }))),
    await checkModel("static", true),
    await checkModel("minilm", config?.embeddings === "minilm"),
    ...finding,
    await checkDiskEngine(),
    ...checkFolder(config?.data ?? values.data ?? ".strata", typeof disk === "object" ? disk.maxBytes : undefined),
    ...(redis === undefined
      ? [absent("Redis", "none is configured", "nothing, or name one: redis, --redis or REDIS_URL")]
      : await checkRedis(redis, {
          prefix: prefixIn(config),
          holdsMessages: config?.history?.durability === "redis",
        })),
    ...(postgres === undefined
      ? [absent("PostgreSQL", "none is configured", "nothing, or name one: postgres, --database or DATABASE_URL")]
      : await checkPostgres(postgres)),
  ];
}

/** A config that is refused is one finding among others: the rest is looked at all the same. */
async function readConfigured(
  values: DoctorValues,
  terminal: Terminal,
): Promise<{ readonly config?: CheckedConfig; readonly finding: readonly Finding[] }> {
  const file = values.config ?? terminal.environment["STRATA_CONFIG"] ?? "";
  try {
    const config = await readSystem(values, terminal);
    return { config, finding: file === "" ? [] : [ok("config", file)] };
  } catch (error) {
    return { finding: [broken("config", reasonOf(error), `correct it in ${file === "" ? "the options" : file}`)] };
  }
}

function prefixIn(config: CheckedConfig | undefined): string | undefined {
  const tier = config?.cache.redis;
  return typeof tier === "object" ? tier.prefix : undefined;
}

/** What the config makes use of; without one, nothing but LangChain is needed. */
function packagesOf(
  config: CheckedConfig | undefined,
  servers: { readonly redis: string | undefined; readonly postgres: string | undefined },
): ReadonlySet<string> {
  const needed = new Set(["@langchain/core"]);
  if (servers.redis !== undefined) needed.add("ioredis");
  if (servers.postgres !== undefined) needed.add("pg");
  const model = config?.model;
  if (model !== undefined && "provider" in model) needed.add(`@langchain/${model.provider}`);
  if (config?.embeddings === "minilm") for (const name of ["onnxruntime-node", "langchain-strata-minilm"]) needed.add(name);
  const isKept = config?.history !== undefined || config?.memory !== undefined;
  if (isKept && servers.postgres === undefined) needed.add("@electric-sql/pglite");
  return needed;
}

const PAINTS = { warn: "warn", broken: "bad" } as const satisfies Partial<Record<Finding["state"], Paint>>;

function show(findings: readonly Finding[], terminal: Terminal): void {
  const { paint = (_paint, text) => text } = terminal;
  terminal.out(
    formatTable(
      ["Check", "State", "Detail"],
      findings.map(({ name, state, detail }) => [name, state, detail]),
    ),
  );
  const lines = findings.flatMap((finding) =>
    finding.state === "warn" || finding.state === "broken"
      ? `  ${paint(PAINTS[finding.state], finding.state)}  ${finding.name}: ${finding.advice}`
      : [],
  );
  terminal.out(lines.length === 0 ? "\nNothing to do." : ["\nWhat to do:", ...lines].join("\n"));
}
