import { runAtoll } from "./atoll-command.ts";
import { endOnBrokenPipe } from "./input/broken-pipe.ts";

endOnBrokenPipe();
await runAtoll(process.argv);
