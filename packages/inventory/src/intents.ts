export type Tags = Readonly<Record<string, string>>;

/** The parts of the specs that decide what a zone offers; the full specs of `@atoll/resource` fit these. */
export interface MeshIntent {
  routing?: { zoneEgress?: boolean };
  meshServices?: { mode?: string };
}

export interface DataplaneIntent {
  networking?: {
    inbound?: readonly { tags?: Tags; state?: string; health?: { ready?: boolean } }[];
    outbound?: readonly { tags?: Tags }[];
    gateway?: { type?: string; tags?: Tags };
  };
}

export interface ExternalServiceIntent {
  tags?: Tags;
}

export interface MeshGatewayIntent {
  selectors?: readonly { match?: Tags }[];
  tags?: Tags;
  conf?: { listeners?: readonly { crossMesh?: boolean; tags?: Tags }[] };
}
