import { runCtl } from "./ctl/command.ts";

process.exitCode = await runCtl(process.argv.slice(2));
