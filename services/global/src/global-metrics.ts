import { Counter, type Diagnostics, Gauge } from "@atoll/runtime";
import type { ZoneSessions } from "@atoll/kds";

export interface GlobalMetrics {
  registered(): void;
  registrationRefused(): void;
}

/** What global knows of its zones, as metrics. A zone that is connected is as far as it said last; for one that is not, time goes on. */
export function globalMetrics({ registry, timeline }: Diagnostics, sessions: ZoneSessions, revision: () => number): GlobalMetrics {
  const registers = [registry];
  const ofZones = (name: string, help: string, value: (zone: string) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["zone"],
      registers,
      collect() {
        for (const zone of sessions.zones()) this.set({ zone }, value(zone));
      },
    });
  ofZones("atoll_zone_connected", "Whether the zone's sync service is in session here", (zone) => Number(sessions.isConnected(zone)));
  ofZones("atoll_zone_lag_revisions", "How many revisions the zone is behind", (zone) =>
    sessions.isConnected(zone) ? sessions.lagOf(zone).revisions : Math.max(0, revision() - sessions.revisionOf(zone)),
  );
  ofZones("atoll_zone_lag_seconds", "For how long there has been a revision that the zone does not have", (zone) => {
    if (sessions.isConnected(zone)) return sessions.lagOf(zone).ms / 1000;
    const at = sessions.revisionOf(zone);
    return at < revision() ? timeline.ageMs(at + 1, "folded") / 1000 : 0;
  });
  const registrations = new Counter({
    name: "atoll_registrations_total",
    help: "Registrations of zones and token issuers that were accepted or refused",
    labelNames: ["result"],
    registers,
  });
  for (const result of ["accepted", "refused"]) registrations.inc({ result }, 0);
  return {
    registered: () => registrations.inc({ result: "accepted" }),
    registrationRefused: () => registrations.inc({ result: "refused" }),
  };
}
