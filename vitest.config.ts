import { defineConfig } from "vitest/config";

/** What stacks on Kafka do otherwise than embedded ones is seen in these. `ATOLL_TEST_STACK=kafka` runs all files of `e2e` there. */
const alsoOnKafka = ["four-hops", "crashes", "shared-load", "conditional-writes", "rollouts"].map((name) => `test/e2e/src/${name}.test.ts`);
const isAllOnKafka = process.env["ATOLL_TEST_STACK"] === "kafka";

const e2e = {
  testTimeout: 60_000,
  hookTimeout: 120_000,
  // Each file starts a control plane and Envoys of its own and measures under load: one after the other.
  maxWorkers: 1,
  fileParallelism: false,
};

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
          exclude: [
            "**/node_modules/**",
            "**/dist/**",
            "test/e2e/**",
            "test/kubernetes/**",
            "test/conformance/src/recorded-scenarios.test.ts",
          ],
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
          ...e2e,
          sequence: { groupOrder: 1 },
        },
      },
      ...(isAllOnKafka
        ? []
        : [
            {
              extends: true as const,
              test: {
                name: "e2e-kafka",
                include: alsoOnKafka,
                env: { ATOLL_TEST_STACK: "kafka" },
                ...e2e,
                sequence: { groupOrder: 2 },
              },
            },
          ]),
      {
        extends: true,
        test: {
          // On a real cluster, whose programs are being built while all the others run.
          name: "kubernetes",
          include: ["test/kubernetes/src/**/*.test.ts"],
          ...e2e,
          testTimeout: 120_000,
          hookTimeout: 1_800_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
