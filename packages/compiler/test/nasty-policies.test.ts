import { MemoryInventory } from "@atoll/inventory";
import { kindOf, parseDocument } from "@atoll/resource";
import { fullDocuments, fullMeshService } from "@atoll/testkit/full-documents";
import { misshapenVariants, nastyVariants } from "@atoll/testkit/nasty-values";
import { translate } from "@atoll/translate";
import { buildProxyView, MeshContexts } from "@atoll/view";
import { expect, test } from "vitest";
import { FakeState } from "./fake-state.ts";

// Whatever stands in a policy with a targetRef or in a service that is a resource: it is refused with its field and a reason, or every proxy
// of the mesh can still be built. What Envoy says to it is asked in test/e2e/src/nothing-freezes.test.ts.
const service = "kuma.io/service";
const tags = { [service]: "web", "kuma.io/protocol": "http" };

class World {
  readonly config = new FakeState();
  readonly zone = new FakeState();
  readonly contexts: MeshContexts;

  constructor() {
    this.config.put(
      { type: "Mesh", name: "default", mtls: { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin" }] } },
      {
        ...{ type: "MeshGateway", mesh: "default", name: "edge", selectors: [{ match: { [service]: "edge" } }] },
        conf: { listeners: [{ port: 8080, protocol: "HTTP" }] },
      },
    );
    const dataplane = (name: string, networking: object) => ({
      ...{ type: "Dataplane", mesh: "default", name },
      networking: { address: "127.0.0.1", ...networking },
    });
    this.zone.put(
      dataplane("edge-1", { gateway: { type: "BUILTIN", tags: { [service]: "edge" } } }),
      dataplane("web-1", { inbound: [{ name: "main", port: 9000, tags }], outbound: [{ port: 10_001, tags: { [service]: "web" } }] }),
      dataplane("named-1", {
        inbound: [{ port: 9001, tags: { [service]: "named" } }],
        transparentProxying: { redirectPortInbound: 15006, redirectPortOutbound: 15001 },
      }),
      { type: "ZoneEgress", name: "egress", zone: "east", networking: { address: "127.0.0.1", port: 10_002 } },
    );
    this.contexts = new MeshContexts({ zone: "east", config: this.config, zoneResources: this.zone, inventory: new MemoryInventory() }, {});
  }

  build(): void {
    for (const name of ["edge-1", "web-1", "named-1"]) {
      translate(buildProxyView(this.contexts, { type: "dataplane", mesh: "default", name })!);
    }
    translate(buildProxyView(this.contexts, { type: "egress", name: "egress" })!);
  }
}

test.each([...fullDocuments, fullMeshService].map((document, index) => [String(document["type"]), index, document] as const))(
  "%s (%i): each value is refused with its field and a reason, or proxies can be built",
  (type, _index, document) => {
    expect(parseDocument(document)).toMatchObject({ ok: true });
    const tally = { refused: 0, taken: 0 };
    for (const { what, document: nasty } of [...nastyVariants(document, 0.5), ...misshapenVariants(document)]) {
      const parsed = parseDocument(JSON.parse(JSON.stringify(nasty)), { kind: kindOf(type)! });
      if (!parsed.ok) {
        tally.refused += 1;
        for (const { reason } of parsed.violations ?? []) expect(reason, what).not.toBe("");
        expect(parsed.parseError ?? parsed.violations, what).not.toHaveLength(0);
        continue;
      }
      tally.taken += 1;
      const world = new World();
      (kindOf(type)!.writableOn.global ? world.config : world.zone).putDrafts(parsed.resource);
      try {
        world.build();
      } catch (error) {
        throw new Error(`${what} stops a build`, { cause: error });
      }
    }
    expect(tally.refused).toBeGreaterThan(10);
    expect(tally.taken).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  },
);
