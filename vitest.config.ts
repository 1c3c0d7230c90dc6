import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@atoll/source"] },
  ssr: { resolve: { conditions: ["@atoll/source"], externalConditions: ["@atoll/source"] } },
  test: {
    include: ["packages/*/{src,test}/**/*.test.ts", "services/*/{src,test}/**/*.test.ts", "test/*/{src,test}/**/*.test.ts", "test/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores: a worker each, and the suites that start Envoys one after the other.
    maxWorkers: 2,
    pool: "forks",
    execArgv: ["--conditions=@atoll/source"],
  },
});
