import { createServer, type Server } from "node:net";
import { takenPorts } from "./taken-ports.ts";

export interface PortRange {
  /** First port; the others are derived from it. */
  base: number;
  /** Lets other runs of ours have it. */
  release(): void;
}

export interface PortRangeRequest {
  /** Where to look first; absent = the lowest that is free. */
  preferred?: number;
  /** All ports that are needed with a base. */
  ports: (base: number) => readonly number[];
}

/** Above the last port that fetch forbids (10080), below those that Linux takes for outgoing connections. */
const [lowest, highest] = [11_000, 32_700];
const blockSize = 50;

/**
 * Finds a base with which every port is free, and keeps it from other runs on this machine (in this network namespace) that ask the same
 * way. Something else may still take a port afterwards. Rejects with what was in the way if there is none.
 */
export async function claimPorts({ preferred, ports }: PortRangeRequest): Promise<PortRange> {
  const others = Array.from({ length: (highest - lowest) / blockSize }, (_, index) => lowest + index * blockSize);
  let inTheWay: readonly number[] = [];
  for (const base of preferred === undefined ? others : [preferred, ...others]) {
    const wanted = ports(base);
    if (base !== preferred && Math.max(...wanted) > highest) continue;
    const guards = await claimBlocks(wanted);
    if (guards === undefined) continue;
    const release = (): void => guards.forEach((guard) => guard.close());
    const taken = await takenPorts(wanted);
    if (taken.length === 0) return { base, release };
    if (base === preferred || inTheWay.length === 0) inTheWay = taken;
    release();
  }
  const said = inTheWay.length > 0 ? `something listens on ${inTheWay.join(", ")}` : "other runs of ours have them all";
  throw new Error(`no free range of ${ports(0).length} ports between ${lowest} and ${highest}: ${said}`);
}

/** Names that the kernel forgets with the process; undefined if another process has one of the blocks. */
async function claimBlocks(ports: readonly number[]): Promise<Server[] | undefined> {
  const guards: Server[] = [];
  for (const block of new Set(ports.map((port) => Math.floor(port / blockSize)))) {
    const guard = createServer((socket) => socket.destroy());
    const got = await new Promise<boolean>((resolve) => {
      guard.once("error", () => resolve(false));
      guard.listen(`\0atoll-ports-${block}`, () => resolve(true));
    });
    if (!got) {
      for (const one of guards) one.close();
      return undefined;
    }
    guard.unref();
    guards.push(guard);
  }
  return guards;
}
