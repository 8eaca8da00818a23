/** `strata doctor`: what works here, what is not installed, and what is broken, with the way out. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as zlib from "node:zlib";
import { diskTier } from "../../cache/tiers/disk.ts";
import { seal } from "../../core/envelope.ts";
import { digest } from "../../core/key.ts";
import type { Command } from "../command.ts";
import { checkRedis } from "../doctor/check-redis.ts";
import type { Finding } from "../doctor/finding.ts";
import { formatTable } from "../table.ts";

const OPTIONAL_PACKAGES = ["@langchain/deepseek", "ioredis", "pg", "langchain"];

export const doctor: Command = {
  name: "doctor",
  summary: "check what works on this machine",
  usage: `Usage: strata doctor [--json] [--redis URL]

Checks the version of Node, LangChain, the disk engine and the optional packages.
With --redis it asks that server for its version, its bound on memory, and what it evicts.
Exit code 0 when nothing that is needed is broken; what is optional and absent is no failure.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" }, redis: { type: "string" } },
      strict: true,
    });
    const findings = [checkNode(), await checkCore(), await checkDisk(), checkZstd()];
    for (const name of OPTIONAL_PACKAGES) findings.push(await checkPackage(name));
    if (values.redis !== undefined) findings.push(...(await checkRedis(values.redis)));
    const isBroken = findings.some(({ state }) => state === "broken");
    if (values.json === true) terminal.out(JSON.stringify({ ok: !isBroken, findings }));
    else
      terminal.out(
        formatTable(
          ["Check", "State", "Detail"],
          findings.map(({ name, state, detail }) => [name, state, detail]),
        ),
      );
    return isBroken ? 1 : 0;
  },
};

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isRecent = major > 20 || (major === 20 && minor >= 19);
  const detail = isRecent ? process.versions.node : `${process.versions.node}; needed: 20.19 or later`;
  return { name: "Node.js", state: isRecent ? "ok" : "broken", detail };
}

async function checkCore(): Promise<Finding> {
  try {
    const { BaseCache } = await import("@langchain/core/caches");
    return { name: "@langchain/core", state: typeof BaseCache === "function" ? "ok" : "broken", detail: "installed" };
  } catch {
    return { name: "@langchain/core", state: "broken", detail: "not installed: npm install @langchain/core" };
  }
}

async function checkDisk(): Promise<Finding> {
  const folder = mkdtempSync(join(tmpdir(), "strata-doctor-"));
  const tier = diskTier({ path: folder });
  try {
    const [key, scope, payload] = [digest("doctor"), digest("scope"), Buffer.from("{}")];
    const value = seal({ key, scope, payload, createdAt: 0, expiresAt: undefined, cost: 0, codec: 0, rawLength: 2, tags: [] });
    await tier.set([{ key, value }]);
    const [found] = await tier.get([key]);
    const works = found !== undefined && Buffer.compare(found.value, value) === 0;
    return {
      name: "disk tier",
      state: works ? "ok" : "broken",
      detail: works ? `writes and reads in ${tmpdir()}` : "reads other bytes",
    };
  } catch (error) {
    return { name: "disk tier", state: "broken", detail: error instanceof Error ? error.message : String(error) };
  } finally {
    await tier.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function checkZstd(): Finding {
  const has = "zstdCompress" in zlib;
  return { name: "zstd", state: has ? "ok" : "absent", detail: has ? "in this Node" : "in Node 22.15 and later; brotli is used" };
}

async function checkPackage(name: string): Promise<Finding> {
  try {
    await import(name);
    return { name, state: "ok", detail: "installed" };
  } catch (error) {
    const isAbsent =
      error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(name);
    return isAbsent
      ? { name, state: "absent", detail: "optional, not installed" }
      : { name, state: "broken", detail: String(error) };
  }
}
