import { type Kind, type ResourceDraft } from "@atoll/resource";

const rfc1035Label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
/** Kinds whose names become host names in proxies. */
const namedInDns = new Set(["Mesh", "Zone", "MeshService", "MeshExternalService", "MeshMultiZoneService"]);

/** What the author of a document that was accepted should know. */
export function warningsOf(kind: Kind, draft: ResourceDraft): string[] {
  const warnings: string[] = [];
  if (kind.warning !== undefined) warnings.push(kind.warning);
  if (namedInDns.has(kind.type)) {
    const faults = [];
    if (!rfc1035Label.test(draft.name)) {
      faults.push(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      );
    }
    if (draft.name.length > 63) faults.unshift("must be no more than 63 characters");
    if (faults.length > 0) {
      warnings.push(
        `Invalid ${kind.type} resource name: '${draft.name}'. It does not conform to the DNS format (RFC 1035). This is deprecated. Errors: ${faults.join("; ")}`,
      );
    }
  }
  return warnings;
}
