import { describe, expect, test } from "vitest";
import { asMeshTraffic } from "./mesh-traffic.ts";
import { selectFamilies } from "./profiles.ts";
import { joinFamilies, parseMetrics, renderMetrics } from "./prometheus-text.ts";

const text = `# HELP requests_total What came.
# TYPE requests_total counter
requests_total{path="/a\\"b\\\\c\\nd",code="200"} 3 1700000000000
requests_total{} 4
# TYPE took histogram
took_bucket{le="0.5"} 1
took_bucket{le="+Inf"} 2
took_sum 1.5
took_count 2
# TYPE temperature gauge
temperature NaN
bare 1e3
no number x
`;

describe("text of Prometheus", () => {
  test("is read by families, and written again as it was", () => {
    const families = parseMetrics(text);
    expect(families.map(({ name, type, samples }) => [name, type, samples.length])).toEqual([
      ["requests_total", "counter", 2],
      ["took", "histogram", 4],
      ["temperature", "gauge", 1],
      ["bare", "untyped", 1],
    ]);
    expect(families[0]!.samples[0]).toEqual({
      name: "requests_total",
      labels: { path: '/a"b\\c\nd', code: "200" },
      value: 3,
      timestampMs: 1_700_000_000_000,
    });
    expect(parseMetrics(renderMetrics(families))).toEqual(families);
    expect(renderMetrics(families.slice(3), { mesh: "default" })).toBe('# TYPE bare untyped\nbare{mesh="default"} 1000\n');
  });

  test("may be OpenMetrics: exemplars, creation times, seconds, its end and its types", () => {
    const families = parseMetrics(
      '# TYPE hits counter\nhits_total{a="b"} 5 1700000000.5 # {trace="x"} 1 2\nhits_created{a="b"} 7\n# TYPE up stateset\nup{up="x"} 1\n# EOF\n',
    );
    expect(families.map(({ name, type }) => [name, type])).toEqual([
      ["hits", "counter"],
      ["up", "untyped"],
    ]);
    expect(families[0]!.samples.map(({ name, value, timestampMs }) => [name, value, timestampMs])).toEqual([
      ["hits_total", 5, 1_700_000_000_500],
      ["hits_created", 7, undefined],
    ]);
  });

  test("of several sources is one: each family once, and no sample twice", () => {
    const sources = [
      parseMetrics('# TYPE up gauge\nup{app="a"} 1\nup 2\n'),
      parseMetrics("# TYPE up gauge\nup 3\n# TYPE down gauge\ndown 0\n"),
    ];
    expect(renderMetrics(joinFamilies(sources))).toBe('# TYPE up gauge\nup{app="a"} 1\nup 2\n# TYPE down gauge\ndown 0\n');
  });
});

describe("what is told of Envoy's", () => {
  const families = parseMetrics(
    [
      '# TYPE envoy_cluster_upstream_rq counter\nenvoy_cluster_upstream_rq{envoy_cluster_name="web"} 1',
      'envoy_cluster_upstream_rq{envoy_cluster_name="_kuma_metrics_hijacker"} 2',
      '# TYPE envoy_cluster_upstream_cx_rx_bytes_total counter\nenvoy_cluster_upstream_cx_rx_bytes_total{envoy_cluster_name="ads_cluster"} 1',
      "# TYPE envoy_server_live gauge\nenvoy_server_live 1",
      "# TYPE envoy_listener_manager_lds_version gauge\nenvoy_listener_manager_lds_version 1",
    ].join("\n"),
  );
  const told = (sidecar?: Parameters<typeof selectFamilies>[1]) =>
    selectFamilies(families, sidecar).map(({ name, samples }) => `${name} ${samples.length}`);
  const all = [
    "envoy_cluster_upstream_rq 2",
    "envoy_cluster_upstream_cx_rx_bytes_total 1",
    "envoy_server_live 1",
    "envoy_listener_manager_lds_version 1",
  ];

  test.each<[string, Parameters<typeof selectFamilies>[1], string[]]>([
    ["by nothing: the basic profile, without what the proxy works by", undefined, ["envoy_cluster_upstream_rq 1", "envoy_server_live 1"]],
    ["all", { profiles: { appendProfiles: [{ name: "All" }] } }, all],
    ["of several profiles the one that tells most", { profiles: { appendProfiles: [{ name: "None" }, { name: "All" }] } }, all],
    ["none", { profiles: { appendProfiles: [{ name: "None" }] } }, []],
    [
      "none but what is included, which wins",
      {
        profiles: {
          appendProfiles: [{ name: "None" }],
          include: [
            { type: "Regex", match: "^envoy_server_l.*" },
            { type: "Exact", match: "envoy_cluster_upstream_rq" },
          ],
          exclude: [{ type: "Prefix", match: "envoy" }],
        },
      },
      ["envoy_cluster_upstream_rq 2", "envoy_server_live 1"],
    ],
    [
      "all but what is excluded",
      { profiles: { appendProfiles: [{ name: "All" }], exclude: [{ type: "Contains", match: "upstream" }] } },
      all.slice(2),
    ],
  ])("%s", (_, sidecar, expected) => {
    expect(told(sidecar)).toEqual(expected);
  });

  test("by the metrics of a Mesh: one sum for all clusters of a service, and what is traffic of the mesh", () => {
    const made = asMeshTraffic(
      parseMetrics(
        [
          "# TYPE rq counter",
          'rq{envoy_cluster_name="web-0123456789abcdef",code="200"} 1',
          'rq{envoy_cluster_name="web-fedcba9876543210",code="200"} 2',
          'rq{envoy_cluster_name="web",code="500"} 4',
          'rq{envoy_cluster_name="ads_cluster",code="200"} 8',
          "# TYPE downstream counter",
          'downstream{envoy_http_conn_manager_prefix="admin"} 1',
          'downstream{envoy_http_conn_manager_prefix="web"} 2',
          "# TYPE live gauge\nlive 1",
        ].join("\n"),
      ),
    );
    expect(
      renderMetrics(made)
        .split("\n")
        .filter((line) => !line.startsWith("#") && line !== ""),
    ).toEqual([
      'rq{envoy_cluster_name="web",code="200",kuma_io_mesh_traffic="true"} 3',
      'rq{envoy_cluster_name="web",code="500",kuma_io_mesh_traffic="true"} 4',
      'rq{envoy_cluster_name="ads_cluster",code="200"} 8',
      'downstream{envoy_http_conn_manager_prefix="admin"} 1',
      'downstream{envoy_http_conn_manager_prefix="web",kuma_io_mesh_traffic="true"} 2',
      "live 1",
    ]);
  });
});
