import type { Stack, StackZone } from "@atoll/demo/stack";

/** Revision -> stage -> monotonic time, as a service's debug view tells it. */
export type Timelines = ReadonlyMap<number, Readonly<Record<string, number>>>;

async function timeline(diagnosticsPort: number): Promise<Timelines> {
  const answer = await fetch(`http://127.0.0.1:${diagnosticsPort}/debug/timeline`);
  if (!answer.ok) throw new Error(`no timeline at port ${diagnosticsPort}: ${answer.status}`);
  const entries = (await answer.json()) as { revision: number; stages: Record<string, number> }[];
  return new Map(entries.map(({ revision, stages }) => [revision, stages]));
}

/** The timelines of all processes that a change passes on its way to a proxy of the zone. */
export async function readTimelines(stack: Stack, zone: StackZone): Promise<{ global: Timelines; sync: Timelines; xds: Timelines }> {
  const [global, sync, xds] = await Promise.all([
    timeline(stack.ports.diagnostics),
    timeline(zone.ports.diagnostics),
    timeline(zone.ports.xdsDiagnostics),
  ]);
  return { global, sync, xds };
}
