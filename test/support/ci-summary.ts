import type { Reporter, TestModule } from "vitest/node";

/**
 * A reporter that prints `N passed, N failed` as the last line of a run, for machines to read.
 *
 * A file that could not be loaded, a hook that failed, an error outside of any test, and a run that could not begin count as
 * failures too: the line never says `0 failed` of a run that failed.
 */
export function ciSummary(): Reporter {
  let passed = 0;
  let failed = 0;
  let watching = false;

  return {
    onInit(vitest) {
      watching = vitest.config.watch;
      // At exit, because other reporters and the servers' shutdown may print after the run.
      process.once("exit", (code) => {
        if (watching) return;
        console.log(`${passed} passed, ${failed === 0 && code !== 0 ? 1 : failed} failed`);
      });
    },
    onTestRunEnd(modules, unhandledErrors) {
      passed = 0;
      failed = unhandledErrors.length;
      for (const module of modules) {
        const results = count(module);
        passed += results.passed;
        failed += results.failed;
      }
    },
  };
}

function count(module: TestModule): { passed: number; failed: number } {
  let passed = 0;
  let failed = 0;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === "passed") passed++;
    if (state === "failed") failed++;
  }
  // A suite or file fails without a failed test when it cannot be loaded, or when one of its hooks fails.
  return { passed, failed: failed === 0 && !module.ok() ? 1 : failed };
}
