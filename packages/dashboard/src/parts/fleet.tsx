import { Lines } from "./lines.tsx";
import { Badge } from "./shown.tsx";

interface Proxy {
  zone: string;
  type: string;
  mesh: string;
  name: string;
}

/** `FleetChanges` of the REST API. */
export interface FleetChanges {
  zones: Record<string, { proxies: number; changed: number; missing?: string[] } | { error: string }>;
  groups: {
    proxies: Proxy[];
    resources: { type: string; name: string; change: "created" | "updated" | "deleted"; before?: unknown; after?: unknown }[];
    effects: {
      drained?: string[];
      certificates?: string[];
      unreachable?: string[];
      denied?: { listener: string; principals: string[] }[];
      withheld?: { part: string; reason: string }[];
    };
  }[];
  unbuilt: (Proxy & { reason: string })[];
}

const nameOf = ({ zone, mesh, name }: Proxy): string => [zone, mesh, name].filter(Boolean).join("/");
const mostNamed = 8;

/** Which proxies a change reaches, those that change alike once. */
export function Fleet({ fleet }: { fleet: FleetChanges }) {
  return (
    <div class="fleet">
      <ul class="row">
        {Object.entries(fleet.zones).map(([zone, answer]) => (
          <li key={zone}>
            {"error" in answer ? (
              <Badge good={false}>
                {zone}: {answer.error}
              </Badge>
            ) : (
              <Badge good={undefined}>
                {zone}: {answer.changed} of {answer.proxies} proxies change
              </Badge>
            )}
          </li>
        ))}
      </ul>
      {fleet.unbuilt.map((one) => (
        <p key={nameOf(one)} class="problem">
          {nameOf(one)} can not be built and keeps what it has: {one.reason}
        </p>
      ))}
      {fleet.groups.map((group, index) => (
        <Group key={index} group={group} open={fleet.groups.length === 1} />
      ))}
    </div>
  );
}

function Group({ group, open }: { group: FleetChanges["groups"][number]; open: boolean }) {
  const { proxies, resources, effects } = group;
  const { unreachable, denied = [], drained, certificates, withheld = [] } = effects;
  const warnings = [
    ...(unreachable ? [`nothing is reachable any more at ${unreachable.join(", ")}`] : []),
    ...denied.map(
      ({ listener, principals }) => `denied at ${listener}: ${principals.map((one) => (one === "*" ? "everybody else" : one)).join(", ")}`,
    ),
    ...(drained ? [`connections are drained at ${drained.join(", ")}`] : []),
    ...(certificates ? [`new certificates: ${certificates.join(", ")}`] : []),
    ...withheld.map(({ part, reason }) => `Envoy would not take ${part}: ${reason}`),
  ];
  return (
    <details open={open}>
      <summary>
        {proxies.length} {proxies.length === 1 ? "proxy" : "proxies"}: {proxies.slice(0, mostNamed).map(nameOf).join(", ")}
        {proxies.length > mostNamed && ` and ${proxies.length - mostNamed} more`}
      </summary>
      {warnings.map((warning) => (
        <p key={warning} class="warning">
          {warning}
        </p>
      ))}
      {resources.map(({ type, name, change, before, after }) => (
        <details key={`${type} ${name}`}>
          <summary>
            {type} {name} <span class="quiet">{change}</span>
          </summary>
          <Lines before={before} after={after} />
        </details>
      ))}
    </details>
  );
}
