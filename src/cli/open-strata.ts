/** The system that a command works on: from a config file, a folder, or both. */
import type { Terminal } from "./command.ts";
import { UsageError } from "./command.ts";
import { assemble } from "../system/assemble.ts";
import { readConfigFile } from "../system/config/config-file.ts";
import { readConfig, type CheckedConfig } from "../system/config/read-config.ts";
import type { Strata } from "../system/strata.ts";

/** For `parseArgs`, beside a command's own options. */
export const SYSTEM_OPTIONS = { config: { type: "string" }, data: { type: "string" } } as const;

/** Their lines in a usage. */
export const SYSTEM_USAGE = `  --config FILE     the system's config, YAML or JSON; default: STRATA_CONFIG, else the embedded default
  --data DIR        the folder that everything is kept in, in place of the config's; default: .strata`;

export interface SystemValues {
  readonly config?: string | undefined;
  readonly data?: string | undefined;
}

/** @throws {@link StrataConfigError} naming the key; nothing was opened then */
export async function readSystem({ config, data }: SystemValues, { environment }: Terminal): Promise<CheckedConfig> {
  const file = config ?? environment["STRATA_CONFIG"];
  const given = file === undefined || file === "" ? {} : await readConfigFile(file, environment);
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  return readConfig(isObject && data !== undefined ? { ...given, data } : given);
}

/** Nothing is connected or loaded before a command uses it. @throws as `readSystem` */
export async function openStrata(values: SystemValues, terminal: Terminal): Promise<Strata> {
  return assemble(await readSystem(values, terminal));
}

/** Opens a system for the length of one command. */
export async function withStrata<T>(values: SystemValues, terminal: Terminal, use: (strata: Strata) => Promise<T>): Promise<T> {
  const strata = await openStrata(values, terminal);
  try {
    return await use(strata);
  } finally {
    await strata.close();
  }
}

/** A count from the command line. @throws {@link UsageError} */
export function countOf(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) throw new UsageError(`--${option} takes a whole number, not ${JSON.stringify(value)}.`);
  return Number(value);
}
