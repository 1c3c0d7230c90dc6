import { isIP } from "node:net";
import type { MeshPassthroughSpec } from "../../specs/mesh-policies/mesh-passthrough.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateTargetRef } from "./target-ref.ts";
import { isDnsName } from "../values.ts";
import { isCidr, isPort } from "./values.ts";

type Match = NonNullable<NonNullable<MeshPassthroughSpec["default"]>["appendMatch"]>[number];

/** Of a port that speaks one of these, all matches speak the same. */
const alone: readonly string[] = ["grpc", "http", "http2"];

export function* validateMeshPassthrough({ targetRef, default: conf = {} }: MeshPassthroughSpec): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: ["Mesh", "MeshSubset", "Dataplane"] });
  const spoken = new Map<number, string>();
  const seen = new Set<string>();
  for (const [index, match] of (conf.appendMatch ?? []).entries()) {
    const path = at("spec.default.appendMatch", index);
    const { protocol, port, value } = match;
    if (protocol === "mysql" && port === undefined) yield violation(`${path}.port`, "port must be defined for Mysql protocol");
    if (port !== undefined) {
      if (!isPort(port)) yield violation(`${path}.port`, "port must be a valid (1-65535)");
      const before = spoken.get(port);
      if (before !== undefined && before !== protocol && alone.includes(protocol)) {
        const reason = "using the same port in multiple matches requires the same protocol for the following protocols";
        yield violation(`${path}.port`, `${reason}: [${alone.join(" ")}]`);
      } else spoken.set(port, protocol);
      const key = `${port}/${protocol}/${value}`;
      if (seen.has(key)) yield violation(`${path}.value`, `value ${value} is already defiend for this port and protocol`);
      seen.add(key);
    }
    yield* validateValue(path, match);
  }
}

function* validateValue(path: string, { type, value, protocol, port }: Match): Violations {
  if (type === "CIDR") {
    if (!isCidr(value)) yield violation(`${path}.value`, "provided CIDR has incorrect value");
  } else if (type === "IP") {
    if (isIP(value) === 0) yield violation(`${path}.value`, "provided IP has incorrect value");
  } else {
    if (protocol === "tcp" || protocol === "mysql")
      yield violation(`${path}.protocol`, `protocol ${protocol} is not supported for a domain`);
    if (/^\*[^.]+/.test(value))
      yield violation(`${path}.value`, "provided DNS has incorrect value, partial wildcard is currently not supported");
    if (port === undefined && value.startsWith("*") && alone.includes(protocol))
      yield violation(`${path}.port`, "wildcard domains doesn't work for all ports and layer 7 protocol");
    if (!value.startsWith("*") && !isDnsName(value)) yield violation(`${path}.value`, "provided DNS has incorrect value");
  }
}
