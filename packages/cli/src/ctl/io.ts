/** Where a command reads and writes; the process's own streams, or a test's. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Everything on standard input. */
  input(): Promise<string>;
  now(): Date;
}

export const processIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  input: async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8");
  },
  now: () => new Date(),
};
