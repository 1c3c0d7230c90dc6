import { runDp } from "./dp/command.ts";

await runDp(process.argv);
