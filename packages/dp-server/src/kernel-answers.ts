import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";

/** The two ends of a TCP connection of this machine. */
export interface Connection {
  localPort: number;
  remoteAddress: string;
  remotePort: number;
}

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, "0");

/** As the kernel writes an address: words of four bytes, each from its last byte to its first. */
function addressText(bytes: readonly number[]): string {
  const words = Array.from({ length: bytes.length / 4 }, (_, word) => bytes.slice(4 * word, 4 * word + 4).reverse());
  return words.flatMap((word) => word.map((byte) => hex(byte, 2))).join("");
}

function bytesOf(address: string): number[] {
  const v4 = address.replace(/^::ffff:/i, "");
  if (isIPv4(v4)) return v4.split(".").map(Number);
  const [head = "", tail = ""] = address.split("%")[0]!.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [first, last] = [groups(head), groups(tail)];
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
  return all.flatMap((group) => [group >> 8, group & 0xff]);
}

/** Mapped addresses stand in the table of IPv6 with this in front. */
const mapped = addressText([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

/**
 * Whether the machine at the other end takes what this one sends, although nobody there may read it: of a table of connections in the form of
 * `/proc/net/tcp`. A connection that is retransmitted is one that nothing answers; a closed window is an answer. Undefined if it is not in the
 * table. https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt
 */
export function answersIn(table: string, { localPort, remoteAddress, remotePort }: Connection): boolean | undefined {
  const address = addressText(bytesOf(remoteAddress));
  const ends = [address, mapped + address].map((text) => `${text}:${hex(remotePort, 4)}`);
  for (const line of table.split("\n")) {
    const [, local, remote, , , timer, retransmits] = line.trim().split(/\s+/);
    if (!local?.endsWith(`:${hex(localPort, 4)}`) || !ends.includes(remote!)) continue;
    return !(timer!.startsWith("01:") && Number.parseInt(retransmits!, 16) > 0);
  }
  return undefined;
}

/** The same of this machine's connections. Undefined also where it cannot be told. */
export function kernelAnswers(connection: Connection): boolean | undefined {
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    try {
      const answers = answersIn(readFileSync(table, "latin1"), connection);
      if (answers !== undefined) return answers;
    } catch {
      // Not Linux, or without IPv6.
    }
  }
  return undefined;
}
