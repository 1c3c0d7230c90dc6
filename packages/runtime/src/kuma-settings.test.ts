import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { loadSettings, SettingsError, settingsNotices } from "./index.ts";
import { kumaSettingAt, kumaSettings } from "./kuma-settings.ts";

const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);
const schema = z.object({
  general: section({ workDir: z.string().min(1).default("~/.atoll"), tlsCertFile: z.string().optional() }),
  xds: section({ dataplaneDeregistrationDelayMs: z.int().default(10_000) }),
  bootstrapServer: section({ params: section({ xdsHost: z.string().default("cp") }) }),
  multizone: section({
    zone: section({
      globalAddress: z
        .string()
        .regex(/^grpcs:/)
        .default("grpcs://here:1"),
    }),
  }),
});
const other = z.object({ relay: section({ port: z.int().default(1) }), apiServer: section({ readOnly: z.boolean().default(false) }) });

const scratch = scratchFolder();
afterAll(() => scratch[Symbol.dispose]());
let files = 0;
function file(text: string): string {
  const path = join(scratch.path, `${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

test("a file of Kuma's: empty keys ask for what is usual, its names and durations count", () => {
  const path = file(`
general: { workDir: "", tlsCertFile: }
xdsServer: { dataplaneDeregistrationDelay: 1m30s }
bootstrapServer: { params: { xdsHost: "" } }
multizone: { zone: { globalAddress: } }
`);
  expect(loadSettings(schema, { file: path, env: {} })).toEqual({
    general: { workDir: "~/.atoll" },
    xds: { dataplaneDeregistrationDelayMs: 90_000 },
    // Here, empty says something.
    bootstrapServer: { params: { xdsHost: "" } },
    multizone: { zone: { globalAddress: "grpcs://here:1" } },
  });
});

test("Atoll's name wins over Kuma's, a variable over the file", () => {
  const both = file("xds: { dataplaneDeregistrationDelayMs: 5 }\nxdsServer: { dataplaneDeregistrationDelay: 1s }");
  const delay = (env: Record<string, string>, path = both) => loadSettings(schema, { file: path, env }).xds.dataplaneDeregistrationDelayMs;
  expect(delay({})).toBe(5);
  expect(delay({ KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY: "20s" })).toBe(20_000);
  expect(delay({ KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY: "20s", ATOLL_XDS_DATAPLANE_DEREGISTRATION_DELAY_MS: "7" })).toBe(7);
  expect(() => delay({ KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY: "soon" })).toThrow(
    /xds\.dataplaneDeregistrationDelayMs \(ATOLL_XDS_DATAPLANE_DEREGISTRATION_DELAY_MS\): /,
  );
});

test("what has no effect is named, with what to know", () => {
  const path = file(`
relay: { port: 2 }
realy: { port: 2 }
runtime: { kubernetes: { nodeTaintController: { enabled: true } }, universal: { dataplaneCleanupAge: 72h } }
metrics: { mesh: { minResyncInterval: 1s } }
`);
  const env = {
    KUMA_STORE_POSTGRES_HOST: "db",
    ATOLL_RELAY_PROT: "1",
    KUMA_API_SERVER_READ_ONLY: "true",
    KUMA_DATAPLANE_NAME: "dp",
    PATH: "",
  };
  const notices = settingsNotices([schema], [schema, other], { file: path, env });
  expect(notices.unknownKeys).toEqual(["realy.port"]);
  expect(notices.unknownVariables).toEqual(["ATOLL_RELAY_PROT", "KUMA_API_SERVER_READ_ONLY"]);
  expect(notices.ignored.map(({ settings }) => settings)).toEqual([
    ["runtime.kubernetes.nodeTaintController.enabled"],
    ["metrics.mesh.minResyncInterval"],
    ["KUMA_STORE_POSTGRES_HOST"],
  ]);
  expect(notices.ignored[0]?.why).toContain("DaemonSet");
});

test("what would be dangerous to leave aside ends the start; its harmless values do not", () => {
  const notices = (text: string, env = {}) => settingsNotices([schema], [schema, other], { file: file(text), env });
  expect(() => notices("store: { type: postgres }\ngeneral: { tlsCipherSuites: [TLS_AES_128_GCM_SHA256] }")).toThrow(SettingsError);
  expect(() => notices("store: { type: postgres }\ndiagnostics: { tlsMaxVersion: TLSv1_2 }")).toThrow(
    /store\.type: "postgres" is not supported: .*atollctl migrate\n {2}diagnostics\.tlsMaxVersion: "TLSv1_2" is not supported/,
  );
  const harmless = "store: { type: memory }\ngeneral: { tlsCipherSuites: [], tlsMaxVersion: }\ndiagnostics: { tlsMaxVersion: TLSv1_3 }";
  expect(notices(harmless, { KUMA_DIAGNOSTICS_TLS_MAX_VERSION: "TLSv1_3" })).toEqual({
    unknownVariables: [],
    unknownKeys: [],
    ignored: [],
  });
});

test("no row is twice in the table or stands below another", () => {
  const paths = kumaSettings.map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
  for (const path of paths) expect(kumaSettingAt(path)?.path).toBe(path);
});
