import { readFileSync } from "node:fs";
import { InvalidArgumentError, type Command } from "commander";

interface ReplayFlags {
  log: string;
  zone: string;
  proxy?: string;
  from?: number;
  until?: number;
  sent?: string;
  bytes: boolean;
}

/** `atoll replay`: makes from an exported log what proxies were told. */
export function addReplayCommand(program: Command): void {
  program
    .command("replay")
    .description("Make from an exported log what the proxies of a zone were told, to the byte, without anything that runs")
    .requiredOption("--log <file>", "what `atoll log export` wrote")
    .requiredOption("--zone <name>", "whose proxies")
    .option("--proxy <id>", "one of them: MESH.NAME, ingress:NAME, egress:NAME; default: all")
    .option("--from <revision>", "the first revision; default: the last", revision)
    .option("--until <revision>", "the last revision; default: the newest of the file", revision)
    .option("--sent <file>", "compare with what an xDS server of the zone had sent: what its /debug/sent answered")
    .option("--bytes", "resources as bytes (the value of google.protobuf.Any, in base64) instead of their hashes", false)
    .addHelpText(
      "after",
      `
Prints lines of JSON: for each proxy and revision the resources that differ from the revision before, by the version that
Envoy was told (a hash of the bytes), then a SHA-256 over all that the proxy has. With --sent one line for each proxy, and
status 1 if anything comes out otherwise. Secrets are left out: their keys are random, and in no log.`,
    )
    .action(async ({ log: file, sent: sentFile, bytes, ...rest }: ReplayFlags) => {
      const { openReplay, replayLines, replayVerdicts } = await import("@atoll/service-xds");
      try {
        const sent = sentFile === undefined ? undefined : JSON.parse(readFileSync(sentFile, "utf8"));
        const replay = await openReplay({ file, sent, ...rest });
        try {
          if (sent === undefined) for await (const line of replayLines(replay, { bytes })) console.log(JSON.stringify(line));
          else
            for await (const verdict of replayVerdicts(replay, sent, rest.proxy)) {
              if (verdict.different.length > 0) process.exitCode = 1;
              console.log(JSON.stringify({ ...verdict, identical: verdict.different.length === 0 }));
            }
        } finally {
          await replay.close();
        }
      } catch (error) {
        console.error(`atoll: ${(error as Error).message}`);
        process.exitCode = 1;
      }
    });
}

function revision(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a revision is a number.");
  return Number(text);
}
