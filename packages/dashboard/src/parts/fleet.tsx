import { effectTexts, type FleetChanges, proxyName } from "@atoll/rest-answers";
import { Lines } from "./lines.tsx";
import { Badge } from "./shown.tsx";

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
        <p key={proxyName(one)} class="problem">
          {proxyName(one)} can not be built and keeps what it has: {one.reason}
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
  return (
    <details open={open}>
      <summary>
        {proxies.length} {proxies.length === 1 ? "proxy" : "proxies"}: {proxies.slice(0, mostNamed).map(proxyName).join(", ")}
        {proxies.length > mostNamed && ` and ${proxies.length - mostNamed} more`}
      </summary>
      {effectTexts(effects).map((warning) => (
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
