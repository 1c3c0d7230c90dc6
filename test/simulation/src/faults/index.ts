import { clock } from "./clock.ts";
import { fullDisk, slowDisk } from "./disk.ts";
import type { Fault } from "./fault.ts";
import { freeze } from "./freeze.ts";
import { isolate } from "./isolate.ts";
import { kill } from "./kill.ts";
import { partition } from "./partition.ts";
import { power } from "./power.ts";
import { proxyGone, slowProxy } from "./proxies.ts";
import { slowNetwork } from "./slow-network.ts";

export const faults: readonly Fault[] = [
  kill,
  power,
  partition,
  isolate,
  freeze,
  fullDisk,
  slowDisk,
  clock,
  slowNetwork,
  proxyGone,
  slowProxy,
];
