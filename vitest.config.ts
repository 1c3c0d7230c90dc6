import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@atoll/source"] },
  ssr: { resolve: { conditions: ["@atoll/source"], externalConditions: ["@atoll/source"] } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks",
    execArgv: ["--conditions=@atoll/source"],
    projects: [
      {
        extends: true,
        test: {
          name: "packages",
          include: [
            "packages/*/{src,test}/**/*.test.ts",
            "services/*/{src,test}/**/*.test.ts",
            "test/*/{src,test}/**/*.test.ts",
            "test/*.test.ts",
          ],
          exclude: ["**/node_modules/**", "**/dist/**", "test/e2e/**", "test/conformance/src/recorded-scenarios.test.ts"],
          // Two cores: a worker each.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/src/**/*.test.ts", "test/conformance/src/recorded-scenarios.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Each file starts a control plane and Envoys of its own and measures under load: one after the other.
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
