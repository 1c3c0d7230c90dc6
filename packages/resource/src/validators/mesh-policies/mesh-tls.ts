import type { MeshTlsSpec } from "../../specs/mesh-policies/mesh-tls.ts";
import { violation, type Violations } from "../violation.ts";
import { actsOnInbounds, validateItems, validateRules } from "./from-to-rules.ts";
import { validateTargetRef } from "./target-ref.ts";

type Conf = NonNullable<NonNullable<MeshTlsSpec["rules"]>[number]["default"]>;

const versions = ["TLS10", "TLS11", "TLS12", "TLS13"];
const onlyForMesh = (what: string): string => `${what} can only be defined with top level targetRef kind: Mesh`;

export function* validateMeshTls(spec: MeshTlsSpec): Violations {
  const { targetRef, from = [], rules = [] } = spec;
  if (targetRef)
    yield* validateTargetRef("spec.targetRef", targetRef, {
      kinds: ["Mesh", "MeshSubset", "Dataplane"],
      inbound: actsOnInbounds(spec),
    });
  if (rules.length > 0 && from.length > 0) yield violation("spec", "field 'from' must be empty when 'rules' is defined");
  const isForMesh = (targetRef?.kind ?? "Mesh") === "Mesh";
  const conf = (path: string, one: Conf = {}) => validateConf(path, one, isForMesh);
  yield* validateRules("spec.rules", rules, conf);
  yield* validateItems("spec.from", from, ["Mesh"], conf);
}

function* validateConf(path: string, { tlsCiphers = [], tlsVersion }: Conf, isForMesh: boolean): Violations {
  if (tlsCiphers.length > 0 && !isForMesh) yield violation(`${path}.tlsCiphers`, onlyForMesh("tlsCiphers"));
  if (tlsVersion === undefined) return;
  if (!isForMesh) return yield violation(`${path}.tlsVersion`, onlyForMesh("tlsVersion"));
  const [min, max] = [versions.indexOf(tlsVersion.min), versions.indexOf(tlsVersion.max)];
  if (min !== -1 && max !== -1 && min > max) yield violation(`${path}.tlsVersion.min`, "min version must be lower than max");
}
