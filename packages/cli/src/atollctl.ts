import { runCtl } from "./ctl/command.ts";

await runCtl(process.argv);
