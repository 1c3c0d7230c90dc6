import type { DataSource } from "@atoll/resource";
import { dataSource } from "../external-service.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { SecretView } from "../proxy-view.ts";

/** The secret of one certificate of a listener, a PEM bundle with its key; undefined if its data source is empty. */
export function gatewayCertificate(context: MeshContext, source: DataSource, hostname: string): SecretView | undefined {
  const data = dataSource(source);
  if (!data) return undefined;
  const secret = "secret" in data ? data.secret : undefined;
  const keyType = secret === undefined ? "rsa" : context.certificateKeyType(secret);
  const [kind, identifier] =
    "secret" in data
      ? ["secret", data.secret]
      : "file" in data
        ? ["file", data.file]
        : ["inline" in data ? "inline" : "inlineString", hostname];
  return { name: `cert.${keyType}:${kind}:${identifier}`, source: { type: "bundle", mesh: context.name, data } };
}
