import { type Kind, kinds } from "@atoll/resource";
import { defaultAccess, requirePermission } from "./access.ts";
import type { ApiContext } from "./api-context.ts";
import { type Route, json, text } from "./call.ts";
import { isWritable } from "./catalog.ts";
import { policyTraits } from "./policy-traits.ts";

/** What this control plane is and which kinds it knows (controlplane.md 1.7). */
export function indexRoutes({ options }: ApiContext): Route[] {
  const { settings } = options;
  const shown = kinds.filter(({ path }) => path !== "").toSorted((a, b) => (a.type < b.type ? -1 : 1));
  return [
    {
      method: "GET",
      path: "/",
      open: true,
      run: () =>
        json({
          clusterId: settings.clusterId(),
          gui: settings.gui ? `${(settings.basePath ?? "/").replace(/\/+$/, "")}/gui` : "",
          hostname: settings.hostname,
          instanceId: settings.instanceId,
          product: settings.product ?? "Kuma",
          version: settings.version ?? "2.10.11",
        }),
    },
    {
      method: "GET",
      path: "/config",
      run: ({ user }) => {
        requirePermission((settings.access ?? defaultAccess).controlPlaneMetadata, user, "control-plane metadata");
        return text(JSON.stringify(settings.shownConfig), "application/json");
      },
    },
    {
      method: "GET",
      path: "/who-am-i",
      run: ({ user: { name, groups, because } }) => json({ name, groups, ...(because && { because: `the request ${because}` }) }),
    },
    {
      method: "GET",
      path: "/policies",
      run: () => json({ policies: shown.filter((kind) => kind.policy).map((kind) => policyEntry(kind, !isWritable(kind, settings))) }),
    },
    {
      method: "GET",
      path: "/_resources",
      run: () =>
        json({ resources: shown.map((kind) => resourceEntry(kind, settings.readOnly || settings.mode === "zone" || kind.readOnly)) }),
    },
  ];
}

function policyEntry(kind: Kind, readOnly: boolean): object {
  const { isTargetRef, hasFromTargetRef, hasToTargetRef } = policyTraits(kind.type);
  return {
    name: kind.type,
    readOnly,
    path: kind.path,
    singularDisplayName: kind.displayName.singular,
    pluralDisplayName: kind.displayName.plural,
    isExperimental: false,
    isTargetRefBased: isTargetRef,
    isInbound: hasFromTargetRef,
    isOutbound: hasToTargetRef,
  };
}

function resourceEntry(kind: Kind, readOnly: boolean): object {
  return {
    includeInFederation: kind.sync.globalToZone && !kind.readOnly,
    name: kind.type,
    path: kind.path,
    pluralDisplayName: kind.displayName.plural,
    ...(kind.policy && { policy: policyTraits(kind.type) }),
    readOnly,
    scope: kind.scope === "mesh" ? "Mesh" : "Global",
    singularDisplayName: kind.displayName.singular,
  };
}
