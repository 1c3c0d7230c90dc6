import { runAtoll } from "./atoll-command.ts";

await runAtoll(process.argv);
