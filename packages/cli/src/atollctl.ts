import { runCtl } from "./ctl/command.ts";
import { endOnBrokenPipe } from "./input/broken-pipe.ts";

endOnBrokenPipe();
process.exitCode = await runCtl(process.argv.slice(2));
