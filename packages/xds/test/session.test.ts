import { describe, expect, it } from "vitest";
import type { Protocol } from "../src/index.ts";
import { CDS, EDS, LDS, RDS, cluster, divisibleEndpoints, endpoints, listener, route, snapshot } from "./fixtures.ts";
import { KnownForms } from "../src/known-forms.ts";
import { ModelClient } from "./model-client.ts";

const a = [cluster("a"), endpoints("a", 1)];
const b = [cluster("b"), endpoints("b", 2)];
const web = [listener("web", 80), route("web", "a")];

function connected(protocol: Protocol, ...resources: Parameters<typeof snapshot>[1][]): ModelClient {
  const client = new ModelClient(protocol).offer(snapshot(1, ...resources));
  client.subscribe(CDS).settle().subscribe(LDS).settle();
  expect(client.applied).toBe(1);
  client.lines();
  return client;
}

describe.each(["delta", "sotw"] as const)("%s", (protocol) => {
  it("has a revision applied only when all that its resources name was acknowledged too", () => {
    const client = new ModelClient(protocol).offer(snapshot(7, ...a, ...web));
    client.subscribe(CDS).ack();
    expect(client.applied).toBe(0);
    client.subscribe(EDS, "a").ack();
    expect(client.applied).toBe(0);
    client.subscribe(LDS).ack().subscribe(RDS, "web");
    expect(client.applied).toBe(0);
    client.ack();
    expect(client.applied).toBe(7);
  });

  it("says once that the client has all it can use: every name it was given is asked for and answered", () => {
    const client = new ModelClient(protocol).offer(snapshot(7, ...a, ...web));
    client.subscribe(CDS).ack().subscribe(EDS, "a").ack().subscribe(LDS).ack().subscribe(RDS, "web");
    expect(client.served).toBe(0);
    expect(client.ack().served).toBe(1);
    expect(client.offer(snapshot(8, ...a, ...b, ...web)).settle().served).toBe(1);
  });

  it("says so too of a client that refuses a resource, though it has not applied the revision", () => {
    const client = new ModelClient(protocol).offer(snapshot(7, ...a, ...web, listener("bad", 81)));
    client.subscribe(CDS).ack().subscribe(EDS, "a").ack().subscribe(LDS);
    client.nack("Error adding/updating listener(s) bad: malformed IP address\n");
    expect(client.served).toBe(0);
    client.settle();
    expect([client.served, client.applied]).toEqual([1, 0]);
  });

  it("answers a request for everything even if there is nothing", () => {
    const client = new ModelClient(protocol).offer(snapshot(1)).subscribe(CDS);
    expect(client.lines()).toEqual(["push Cluster"]);
    expect(client.ack().applied).toBe(1);
  });

  it("waits for a snapshot before it answers", () => {
    const client = new ModelClient(protocol).subscribe(CDS);
    expect(client.lines()).toEqual([]);
    expect(client.offer(snapshot(1, ...a)).lines()).toEqual(["push Cluster a"]);
  });

  it("advances without a push when a snapshot equals what was acknowledged", () => {
    const client = connected(protocol, ...a, ...web);
    expect(client.offer(snapshot(2, ...a, ...web)).lines()).toEqual(["applied 2"]);
  });

  it("moves a route to a new cluster only after the cluster and its endpoints are there, then drops the old", () => {
    const client = connected(protocol, ...a, ...web);
    client.offer(snapshot(2, ...b, listener("web", 80), route("web", "b"))).settle();
    const whole = protocol === "delta" ? ["push Cluster b", "push Cluster -a"] : ["push Cluster a b", "push Cluster b -a"];
    // The removal of the old endpoints cannot be told in state of the world, and need not be.
    const endpointsGone = protocol === "delta" ? ["push ClusterLoadAssignment -a"] : [];
    expect(client.lines()).toEqual([
      whole[0],
      "push ClusterLoadAssignment b",
      "client ack Cluster",
      "client ack ClusterLoadAssignment",
      "push RouteConfiguration web",
      "client ack RouteConfiguration",
      whole[1],
      ...endpointsGone,
      "client ack Cluster",
      ...(protocol === "delta" ? ["client ack ClusterLoadAssignment"] : []),
      "applied 2",
    ]);
  });

  it("takes a listener away in the response that brings another one for its address", () => {
    const client = connected(protocol, ...a, ...web, listener("other", 81), route("other", "a"));
    client.offer(snapshot(2, ...a, listener("new", 80), route("new", "a"), listener("third", 82), route("third", "a"))).settle();
    const [first, ...later] = client.lines().filter((line) => line.startsWith("push Listener"));
    // The one at another address goes after the new ones are there, as always.
    expect(first).toBe(protocol === "delta" ? "push Listener new third -web" : "push Listener other new third -web");
    expect(later).toEqual([protocol === "delta" ? "push Listener -other" : "push Listener new third -other"]);
    expect(client.applied).toBe(2);
  });

  it("gives up the order when the client does not answer", () => {
    const client = connected(protocol, ...a, ...web);
    client.offer(snapshot(2, ...a, ...b, listener("web", 80), route("web", "b")));
    expect([client.lines().length, client.session.waiting]).toEqual([1, true]);
    client.release();
    expect([client.lines(), client.session.waiting]).toEqual([["push RouteConfiguration web"], false]);
    client.offer(snapshot(3, ...a, ...b, listener("web", 80), route("web", "a")));
    expect(client.settle().applied).toBe(3);
  });

  it("lets newer clusters overtake one that does not get warm", () => {
    const client = connected(protocol, ...a, ...web);
    const cold = [cluster("cold"), endpoints("cold", 1)];
    client.offer(snapshot(2, ...a, ...cold, ...web)).offer(snapshot(3, ...a, ...cold, ...b, ...web));
    expect(client.lines()).toEqual([protocol === "delta" ? "push Cluster cold" : "push Cluster a cold"]);
    expect(client.session.waiting).toBe(true);
    client.release();
    expect(client.lines()).toEqual([protocol === "delta" ? "push Cluster cold b" : "push Cluster a cold b"]);
    client.offer(snapshot(4, ...a, ...cold, ...b, ...web)).release();
    expect([client.lines(), client.session.waiting]).toEqual([[], false]);
    expect(client.settle().applied).toBe(4);
  });

  it("stops sending to a client that answers nothing", () => {
    const client = connected(protocol, ...a, ...web);
    for (let revision = 2; revision < 50; revision += 1)
      client.offer(snapshot(revision, cluster("a", revision), endpoints("a", 1), ...web)).release();
    expect(client.lines().filter((line) => line.startsWith("push Cluster ")).length).toBeLessThan(10);
    expect(client.settle().applied).toBe(49);
  });

  it("sends a route alone at once", () => {
    const client = connected(protocol, ...a, ...web);
    expect(client.offer(snapshot(2, ...a, listener("web", 80), route("web", "a", "two"))).lines()).toEqual(["push RouteConfiguration web"]);
    expect(client.ack().lines()).toEqual(["applied 2"]);
  });

  it("sends the endpoints of a changed cluster again, so that it does not warm for ever", () => {
    const client = connected(protocol, ...a, ...b, ...web);
    client.offer(snapshot(2, cluster("a", 9), endpoints("a", 1), ...b, ...web)).settle();
    expect(client.lines()).toEqual([
      protocol === "delta" ? "push Cluster a" : "push Cluster a b",
      "push ClusterLoadAssignment a",
      "client ack Cluster",
      "client ack ClusterLoadAssignment",
      "applied 2",
    ]);
  });

  it("has one unanswered response per type, and lets the newest state win", () => {
    const client = connected(protocol, ...a, ...web);
    const state = (revision: number) => snapshot(revision, cluster("a"), endpoints("a", revision), ...web);
    client.offer(state(2)).offer(state(3)).offer(state(4));
    expect(client.lines()).toEqual(["push ClusterLoadAssignment a"]);
    expect(client.ack().lines()).toEqual(["push ClusterLoadAssignment a", "applied 2"]);
    expect(client.unanswered[0]?.upserts.get("a")?.version).toBe(endpoints("a", 4).version);
    expect(client.ack().lines()).toEqual(["applied 4"]);
  });

  it("withholds the resource that a client blames, and sends the rest", () => {
    const client = connected(protocol, ...a, ...web);
    const bad = listener("bad", 0);
    const good = [listener("good", 81), route("good", "a")];
    client.offer(snapshot(2, ...a, ...web, bad, route("bad", "a"), ...good)).lines();
    client.nack("Error adding/updating listener(s) bad: malformed IP address\n");
    expect(client.lines()).toEqual(["nack Listener bad", protocol === "delta" ? "push Listener good" : "push Listener web good"]);
    client.settle();
    expect(client.applied).toBe(1);
    expect(client.session.types.get(LDS)?.rejected).toEqual(new Map([["bad", bad.version]]));
    client.lines();
    expect(client.offer(snapshot(3, ...a, ...web, bad, route("bad", "a"), ...good)).lines()).toEqual([]);
    client.offer(snapshot(4, ...a, ...web, listener("bad", 82), route("bad", "a"), ...good)).settle();
    expect(client.applied).toBe(4);
  });

  it("keeps the accepted version of a resource whose newer version was refused", () => {
    const client = connected(protocol, ...a, ...web);
    client.offer(snapshot(2, ...a, listener("web", 0), route("web", "a")));
    client.nack("Error adding/updating listener(s) web: malformed IP address\n");
    expect(client.session.types.get(LDS)?.held.get("web")?.version).toBe(listener("web", 80).version);
    client.lines();
    client.offer(snapshot(3, ...a, listener("web", 0), route("web", "a"), listener("other", 81), route("other", "a")));
    const push = client.unanswered.find(({ typeUrl }) => typeUrl === LDS);
    expect(push?.resources.map(({ version }) => version)).toEqual(
      [...(protocol === "delta" ? [] : [listener("web", 80)]), listener("other", 81)].map(({ version }) => version),
    );
    client.settle();
    client.offer(snapshot(4, ...a, ...web, listener("other", 81), route("other", "a"))).settle();
    expect(client.applied).toBe(4);
  });

  describe("of a resource that can be divided", () => {
    /** Refuses everything with one of the ports in it, until the session is quiet. Returns what the client had on the way. */
    const refuse = (client: ModelClient, ...ports: number[]): string[] => {
      const had: string[] = [];
      for (let answers = 0; client.unanswered.length > 0; answers += 1) {
        expect(answers).toBeLessThan(30);
        const parts = client.unanswered[0]!.upserts.get("a")?.divide?.().parts ?? [];
        const bad = ports.find((port) => parts.some(({ id }) => id === `a/${port}`));
        if (bad !== undefined) client.nack(`Proto constraint validation failed (bad port ${bad}): cluster_name: "a"\nmore`);
        else client.ack();
        if (bad === undefined && parts.length > 0)
          had.push(
            parts
              .slice(1)
              .map(({ id }) => id.slice(2))
              .join(" "),
          );
      }
      return had;
    };
    const withheld = (client: ModelClient) => client.withheld.map(({ name, parts }) => [name, Object.fromEntries(parts)]);

    it("withholds the part that is new and refused alone, and leaves the client with what it has", () => {
      const client = connected(protocol, cluster("a"), divisibleEndpoints("a", 1, 2), ...web);
      client.offer(snapshot(2, cluster("a"), divisibleEndpoints("a", 1, 2, 3), ...web));
      expect(refuse(client, 3)).toEqual([]);
      expect(withheld(client)).toEqual([["a", { "a/3": "bad port 3" }]]);
      // Somebody builds it without the part from now on: the client has that.
      expect(client.offer(snapshot(3, cluster("a"), divisibleEndpoints("a", 1, 2), ...web)).unanswered).toEqual([]);
      expect(client.applied).toBe(3);
    });

    it("takes nothing away while it searches, and gives what is good", () => {
      const client = connected(protocol, cluster("a"), divisibleEndpoints("a", 1, 2), ...web);
      client.offer(snapshot(2, cluster("a"), divisibleEndpoints("a", 1, 3, 2, 4, 5, 6), ...web));
      const had = refuse(client, 3, 5);
      expect(had.every((ports) => ports.startsWith("1") && ports.includes("2"))).toBe(true);
      expect(had.at(-1)).toBe("1 2 4 6");
      expect(Object.keys(withheld(client)[0]![1]!)).toEqual(["a/3", "a/5"]);
      expect(client.offer(snapshot(2, cluster("a"), divisibleEndpoints("a", 1, 3, 2, 4, 5, 6), ...web)).unanswered).toEqual([]);
    });

    it("gives a client that begins everything but the part", () => {
      const client = new ModelClient(protocol).offer(snapshot(1, cluster("a"), divisibleEndpoints("a", 1, 2, 3, 4), ...web));
      client.subscribe(CDS).ack().subscribe(EDS, "a");
      expect(refuse(client, 2).at(-1)).toBe("1 3 4");
      expect(withheld(client)).toEqual([["a", { "a/2": "bad port 2" }]]);
      client.subscribe(LDS).ack().subscribe(RDS, "web").ack();
      expect([client.served, client.applied]).toEqual([1, 0]);
    });

    it("begins anew with newer content, also in the middle of a search", () => {
      const client = connected(protocol, cluster("a"), divisibleEndpoints("a", 1, 2), ...web);
      client.offer(snapshot(2, cluster("a"), divisibleEndpoints("a", 1, 2, 3, 4, 5, 6), ...web)).nack("no");
      client.offer(snapshot(3, cluster("a"), divisibleEndpoints("a", 1, 2, 4, 6), ...web));
      expect(refuse(client, 3, 5).at(-1)).toBe("1 2 4 6");
      expect([withheld(client), client.applied]).toEqual([[], 3]);
    });

    it("of a client that comes back with what it took, tries nothing again", () => {
      if (protocol === "sotw") return;
      const forms = new KnownForms();
      const all = snapshot(1, cluster("a"), divisibleEndpoints("a", 1, 2, 3, 4), ...web);
      const client = new ModelClient(protocol, forms).offer(all).subscribe(CDS).ack().subscribe(EDS, "a");
      expect(refuse(client, 2).at(-1)).toBe("1 3 4");
      const { version } = client.session.types.get(EDS)!.held.get("a")!;
      const again = new ModelClient(protocol, forms).offer(all).subscribe(CDS).ack().recall(EDS, ["a"], { a: version });
      expect(refuse(again, 2)).toEqual([]);
      expect(withheld(again)).toEqual([["a", { "a/2": "bad port 2" }]]);
    });

    it("keeps what it has of one that is refused whatever is left of it", () => {
      const client = connected(protocol, cluster("a"), divisibleEndpoints("a", 1, 2), ...web);
      client.offer(snapshot(2, cluster("a"), divisibleEndpoints("a", 3, 4), ...web));
      for (let answers = 0; client.unanswered.length > 0; answers += 1) {
        expect(answers).toBeLessThan(10);
        client.nack("no");
      }
      expect(client.session.types.get(EDS)?.held.get("a")?.version).toBe(endpoints("a", 1, 2).version);
    });
  });

  it("searches for the bad one when the client names none", () => {
    const names = ["a", "b", "c", "d", "e"];
    const client = connected(protocol, ...names.flatMap((name) => [cluster(name), endpoints(name, 1)]), ...web);
    client.offer(snapshot(2, ...names.flatMap((name) => [cluster(name), endpoints(name, 2)]), ...web));
    for (let answers = 0; client.unanswered.length > 0; answers += 1) {
      expect(answers).toBeLessThan(10);
      if (client.unanswered[0]?.upserts.has("d")) client.nack("Proto constraint validation failed");
      else client.ack();
    }
    const { held, rejected } = client.session.types.get(EDS) ?? {};
    expect(rejected).toEqual(new Map([["d", endpoints("d", 2).version]]));
    const expected = names.map((name) => [name, endpoints(name, name === "d" ? 1 : 2).version]);
    expect(names.map((name) => [name, held?.get(name)?.version])).toEqual(expected);
  });

  it("does not repeat a removal that was refused", () => {
    const client = connected(protocol, ...a, ...b, ...web);
    client.offer(snapshot(2, ...a, ...web));
    const removal = client.unanswered.findIndex(({ typeUrl }) => typeUrl === CDS);
    expect(removal).not.toBe(-1);
    while (client.unanswered.length > 0) {
      if (client.unanswered[0]?.typeUrl === CDS) client.nack("no");
      else client.ack();
    }
    expect(client.lines().filter((line) => line.startsWith("push Cluster "))).toHaveLength(1);
    expect(client.applied).toBe(1);
    expect(client.offer(snapshot(3, ...a, ...web)).applied).toBe(3);
  });
});

describe("delta", () => {
  it("tells that an asked name does not exist, and sends it when it does", () => {
    const client = new ModelClient("delta").offer(snapshot(1)).subscribe(EDS, "a");
    expect(client.lines()).toEqual(["push ClusterLoadAssignment -a"]);
    expect(
      client
        .ack()
        .offer(snapshot(2, endpoints("a", 1)))
        .lines(),
    ).toContain("push ClusterLoadAssignment a");
  });

  it("sends nothing to a client that comes back with all it needs", () => {
    const state = [...a, ...web];
    const client = new ModelClient("delta").offer(snapshot(5, ...state));
    client.recall(CDS, [], { a: cluster("a").version }).recall(EDS, ["a"], { a: endpoints("a", 1).version });
    client.recall(LDS, [], { web: listener("web", 80).version });
    expect(client.lines()).toEqual([]);
    expect(client.recall(RDS, ["web"], { web: route("web", "a").version }).lines()).toEqual(["applied 5"]);
  });

  it("sends a client that comes back what changed and what is gone", () => {
    const client = new ModelClient("delta").offer(snapshot(5, ...a));
    client.recall(CDS, [], { a: "older", b: cluster("b").version });
    expect(client.lines()).toEqual(["push Cluster a"]);
    expect(client.ack().lines()).toEqual(["push Cluster -b"]);
  });

  it("sends a name again that is asked for again", () => {
    const client = connected("delta", ...a, ...web);
    expect(client.subscribe(EDS, "a").lines()).toEqual(["push ClusterLoadAssignment a"]);
    expect(
      client
        .unsubscribe(EDS, "a")
        .ack()
        .offer(snapshot(2, cluster("a"), endpoints("a", 5), ...web))
        .lines(),
    ).not.toContain("push ClusterLoadAssignment a");
  });

  it("ignores the answer to an older nonce, not the names that come with it", () => {
    const client = new ModelClient("delta").offer(snapshot(1, ...a, ...b)).subscribe(EDS, "a");
    client.lines();
    client.session.request({ typeUrl: EDS, nonce: "77", error: "late", delta: { subscribe: ["b"], unsubscribe: [], initialVersions: {} } });
    expect(client.ack().lines()).toContain("push ClusterLoadAssignment b");
  });
});

describe("sotw", () => {
  it("ignores a request with an older nonce", () => {
    const client = new ModelClient("sotw").offer(snapshot(1, ...a, ...b)).raw(EDS, "", ["a"]);
    expect(client.lines()).toEqual(["push ClusterLoadAssignment a"]);
    expect(client.raw(EDS, "", ["a", "b"]).lines()).toEqual([]);
    expect(client.raw(EDS, "1", ["a", "b"]).lines()).toEqual(["push ClusterLoadAssignment b"]);
  });

  it("sends nothing to a client that comes back with the same version, but endpoints", () => {
    const first = new ModelClient("sotw")
      .offer(snapshot(1, ...a, ...web))
      .raw(CDS, "", [])
      .raw(EDS, "", ["a"]);
    const [clusters, assignments] = first.unanswered;
    const client = new ModelClient("sotw").offer(snapshot(2, ...a, ...web));
    expect(client.raw(CDS, "", [], clusters?.version).lines()).toEqual([]);
    expect(client.raw(EDS, "", ["a"], assignments?.version).lines()).toEqual(["push ClusterLoadAssignment a"]);
    expect(client.raw(LDS, "", [], "another").lines()).toEqual([]);
    expect(client.ack().lines()).toEqual(["push Listener web"]);
  });
});

describe("a large configuration", () => {
  const clusters = ["a", "b", "c", "d", "e"];
  const large = [
    ...clusters.map((name) => cluster(name)),
    ...clusters.map((name) => endpoints(name, 1)),
    listener("web", 80),
    route("web", "a"),
  ];

  it("goes in pieces, each after the answer to the one before, and what refers to all of it after the last", () => {
    const client = new ModelClient("delta", undefined, 2)
      .offer(snapshot(1, ...large))
      .subscribe(CDS)
      .subscribe(LDS);
    expect(client.lines()).toEqual(["push Cluster a b"]);
    client.answer();
    expect(client.lines().filter((line) => line.startsWith("push Cluster "))).toEqual(["push Cluster c d"]);
    client.settle();
    const pushed = client.lines().filter((line) => line.startsWith("push"));
    expect(pushed.indexOf("push Cluster e")).toBeLessThan(pushed.indexOf("push Listener web"));
    expect([client.applied, client.served]).toEqual([1, 1]);
  });

  it("leaves a client that works on a piece alone for a while, and gives it the rest in the end though it never answers", () => {
    const client = new ModelClient("delta", undefined, 2)
      .offer(snapshot(1, ...large))
      .subscribe(CDS)
      .subscribe(LDS);
    client.lines();
    for (let turn = 0; turn < 4; turn++) client.release();
    expect([client.session.waiting, client.lines()]).toEqual([true, []]);
    client.release();
    expect(client.lines()).toEqual(["push Cluster c d"]);
    for (let turn = 0; turn < 5; turn++) client.release();
    expect(client.lines()).toEqual(["push Cluster e", "push Listener web"]);
  });

  it("is the whole state where the protocol has no parts", () => {
    const client = new ModelClient("sotw", undefined, 2).offer(snapshot(1, ...large)).subscribe(CDS);
    expect(client.lines()).toEqual(["push Cluster a b c d e"]);
  });
});
