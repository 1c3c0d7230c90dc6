import { foreignPage } from "./foreign-page.ts";
import { isLoopbackAddress, isLoopbackHost } from "./loopback.ts";
import type { RequestFacts } from "./request-facts.ts";

/**
 * Where whoever makes a request is. `here`: at this machine, and asks by themselves. `unclear`: the connection comes from this machine, but
 * maybe for somebody else; `because` goes on after "the request".
 */
export type Whereabouts = { at: "here" } | { at: "elsewhere" } | { at: "unclear"; because: string };

/** Headers by which proxies, load balancers and tunnels say for whom they ask, or that it was they who did. */
const proxyHeaders =
  /^(forwarded|via|x-forwarded(-.*)?|x-original-.*|x-rewrite-url|x-real-ip|x-client-ip|x-cluster-client-ip|x-host|x-http-host-override|x-scheme|x-proxy(user)?-.*|x-arr-.*|x-envoy-.*|x-amzn-trace-id|x-azure-.*|x-appengine-.*|x-vercel-.*|(true-)?client-ip|cf-.*|cdn-loop|fastly-.*|fly-.*|tailscale-.*|x-goog-.*|max-forwards|proxy-.*)$/;

/**
 * A request is `here` if its connection comes from the loopback, its `Host` names the loopback, and nothing says that a page of
 * another origin or a proxy makes it. A page whose name leads to this machine says its own name in `Host`. HTTP/1.0 is what nginx
 * speaks to the servers behind it unless told otherwise, with their own address in `Host` and no word of who asks.
 */
export function whereFrom(facts: RequestFacts): Whereabouts {
  if (!isLoopbackAddress(facts.remoteAddress)) return { at: "elsewhere" };
  const because = doubt(facts);
  return because === undefined ? { at: "here" } : { at: "unclear", because };
}

function doubt(facts: RequestFacts): string | undefined {
  const { headers, httpVersion, target } = facts;
  if (!target.startsWith("/")) return "names a server in its first line, as requests to a proxy do";
  const hosts = headers.get("host") ?? [];
  if (hosts.length !== 1) return hosts.length === 0 ? "has no Host" : "has more than one Host";
  if (!isLoopbackHost(hosts[0]!))
    return `asks for the host ${JSON.stringify(hosts[0]!.slice(0, 100))}, not for localhost, 127.0.0.1 or [::1]`;
  const proxy = [...headers.keys()].find((name) => proxyHeaders.test(name));
  if (proxy !== undefined) return `has the header "${proxy}", as requests that come through a proxy do`;
  if (httpVersion !== "1.1" && httpVersion !== "2.0") return `is HTTP/${httpVersion}, as those of proxies are`;
  const page = foreignPage(facts);
  return page === undefined ? undefined : `was made by a browser for ${page}`;
}
