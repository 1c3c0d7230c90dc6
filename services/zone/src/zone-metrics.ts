import type { Inventory } from "@atoll/inventory";
import { type Diagnostics, Gauge, gaugesOf } from "@atoll/runtime";
import type { ZoneSync } from "@atoll/sync";

export interface ZoneMetricsOptions {
  sync: ZoneSync;
  inventory: Pick<Inventory, "zones" | "entries">;
  /** xDS servers in session with this process. */
  xdsServers: () => number;
}

/** What a zone's sync service knows of the other side, of its mirrors and of other zones, as metrics. */
export function showZoneMetrics({ registry }: Diagnostics, { sync, inventory, xdsServers }: ZoneMetricsOptions): void {
  const registers = [registry];
  const gauge = gaugesOf(registry);
  gauge("atoll_global_connected", "Whether global's log is heard", () => Number(sync.status().connected));
  gauge("atoll_zones_dead", "Zones that this one judges dead", () => sync.status().deadZones.length);
  gauge("atoll_xds_servers_connected", "xDS servers in session with this process", xdsServers);
  new Gauge({
    name: "atoll_mirror_up",
    help: "Whether a topic is copied at present, from global or to it",
    labelNames: ["topic", "direction"],
    registers,
    collect() {
      this.reset();
      for (const { topic, direction, caughtUp, trouble } of sync.status().mirrors)
        this.set({ topic, direction }, Number(caughtUp && trouble === undefined));
    },
  });
  new Gauge({
    name: "atoll_inventory_entries",
    help: "Tag sets that a zone offers to others",
    labelNames: ["zone"],
    registers,
    collect() {
      this.reset();
      for (const zone of inventory.zones()) this.set({ zone }, inventory.entries(zone).length);
    },
  });
}
