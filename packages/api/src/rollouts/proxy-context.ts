import { decisionFor, inEffectAt } from "@atoll/replica";
import type { ApiContext } from "../api-context.ts";
import { Catalog, type Shown } from "../catalog.ts";

/** What a request about one dataplane is answered from: the configuration as it holds for that proxy in its zone. */
export function contextOfDataplane(context: ApiContext, { home, zone: shownZone }: Shown): ApiContext {
  const { options } = context;
  const { config, settings } = options;
  const zone = shownZone ?? settings.zone;
  if (zone === undefined) return context;
  const { overlay, trial } = decisionFor(zone, config);
  if (overlay.size === 0 && trial === undefined) return context;
  // As an xDS server calls its node.
  const nodeId = `${home.mesh}.${home.name}`;
  return { ...context, catalog: new Catalog({ ...options, config: inEffectAt(zone, config, nodeId) }) };
}
