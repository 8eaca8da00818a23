import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { ciSummary } from "./test/support/ci-summary.ts";

const SECOND = 1_000;

/**
 * Tests of one folder that need no server. The timeout only ends what hangs: on a machine with much beside it a test takes ten times as
 * long as alone, and is none the worse for it.
 */
function plain(name: string, timeout: number): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: timeout, hookTimeout: timeout },
  };
}

/** Tests of one folder that use the real PostgreSQL and Redis, which the first such project of a run starts. */
function withServers(name: string, timeout: number): TestProjectInlineConfiguration {
  const project = plain(name, timeout);
  return { ...project, test: { ...project.test, globalSetup: "test/support/servers-for-run.ts" } };
}

const types: TestProjectInlineConfiguration = {
  extends: true,
  test: {
    name: "types",
    include: [],
    typecheck: {
      enabled: true,
      only: true,
      include: ["test/types/**/*.test-d.ts"],
      tsconfig: "test/types/tsconfig.json",
      // By path: the notebooks' kernel brings a compiler of its own, which may stand under the same name in `.bin`.
      checker: "./node_modules/typescript/bin/tsc",
    },
  },
};

// One browser at a time: it needs both processors, and some tests promise times.
const browser = plain("browser", 120 * SECOND);
browser.test = { ...browser.test, fileParallelism: false };

const serverless = [plain("unit", 60 * SECOND), types, plain("package", 600 * SECOND), browser];
const served = ["contract", "integration", "security"].map((name) => withServers(name, 120 * SECOND));
const faults = withServers("fault", 240 * SECOND);
served.push({ ...faults, test: { ...faults.test, exclude: ["test/fault/timed/**"] } });
// Tests that measure promised deadlines while servers fail do not share the processors with others.
const timed = withServers("fault/timed", 240 * SECOND);
served.push({ ...timed, test: { ...timed.test, fileParallelism: false } });

/** Asked for by a person without servers; a machine that checks the project may not. */
const skip = process.env["STRATA_TEST_SKIP_SERVERS"] === "1" && process.env["CI"] !== "true";
if (skip) {
  const notice = "\n!!! STRATA_TEST_SKIP_SERVERS=1: the contract, integration, security and fault tests were NOT RUN !!!\n";
  console.warn(notice);
  process.once("exit", () => console.warn(notice));
}

export default defineConfig({
  test: {
    projects: skip ? serverless : [...serverless, ...served],
    // Two cores are what a small machine has; servers need one of them.
    maxWorkers: 2,
    // Of a second by default, which a condition on a busy machine may take.
    expect: { poll: { timeout: 20 * SECOND } },
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    reporters: ["default", ciSummary()],
  },
});
