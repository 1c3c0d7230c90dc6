import { type Kind, type ResourceDraft, dnsLabelFaults } from "@atoll/resource";

/** Kinds whose names become host names in proxies. */
const namedInDns = new Set(["Mesh", "Zone", "MeshService", "MeshExternalService", "MeshMultiZoneService"]);

/** What the author of a document that was accepted should know. */
export function warningsOf(kind: Kind, draft: ResourceDraft): string[] {
  const warnings = kind.deprecations?.(draft.spec) ?? [];
  if (namedInDns.has(kind.type)) {
    const faults = dnsLabelFaults(draft.name);
    if (faults.length > 0) {
      warnings.push(
        `Invalid ${kind.type} resource name: '${draft.name}'. It does not conform to the DNS format (RFC 1035). This is deprecated. Errors: ${faults.join("; ")}`,
      );
    }
  }
  return warnings;
}
