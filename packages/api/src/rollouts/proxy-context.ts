import { decisionFor, inEffectBy } from "@atoll/replica";
import { nodeIdOf } from "@atoll/resource";
import type { ApiContext } from "../api-context.ts";
import { Catalog, type Shown } from "../catalog.ts";

/** What a request about one dataplane is answered from: the configuration as it holds for that proxy in its zone. */
export function contextOfDataplane(context: ApiContext, { home, zone: shownZone }: Shown): ApiContext {
  const { options } = context;
  const { config, settings } = options;
  const zone = shownZone ?? settings.zone;
  if (zone === undefined) return context;
  const decision = decisionFor(zone, config);
  if (decision.overlay.size === 0 && decision.trial === undefined) return context;
  const nodeId = nodeIdOf({ proxyType: "dataplane", mesh: home.mesh, name: home.name });
  return { ...context, catalog: new Catalog({ ...options, config: inEffectBy(decision, config, nodeId) }) };
}
