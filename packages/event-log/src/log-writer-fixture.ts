import { EmbeddedLog } from "./embedded-log.ts";

// Appends numbered records until it is killed; prints each number after its append was acknowledged.
const log = await EmbeddedLog.open({ path: process.argv[2]! });
await log.ensureTopic({ name: "numbers", cleanup: "keep" });
await log.ensureTopic({ name: "latest", cleanup: "compact" });
for (let next = await log.head("numbers"); ; next += 4) {
  await Promise.all(
    [0, 1, 2, 3].map(async (lane) => {
      const value = Buffer.from(String(next + lane));
      const [[offset]] = await Promise.all([log.append("numbers", [{ value }]), log.append("latest", [{ key: `lane-${lane}`, value }])]);
      process.stdout.write(`${offset}\n`);
    }),
  );
}
