import { runDp } from "./dp/command.ts";
import { endOnBrokenPipe } from "./input/broken-pipe.ts";

endOnBrokenPipe();
await runDp(process.argv);
