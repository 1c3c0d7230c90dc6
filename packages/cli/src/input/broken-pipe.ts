/** Status of a program that a shell saw end by SIGPIPE. */
const brokenPipeStatus = 141;

/** Ends this process as soon as nobody reads what it prints, without a word: `atollctl export | head` is no error. */
export function endOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(brokenPipeStatus);
    });
}
