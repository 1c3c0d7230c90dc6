/** A refusal by the router itself: plain text, as clients know it (controlplane.md 1.1). */
export interface PlainRefusal {
  status: 404 | 405 | 406 | 415;
  text: string;
}

export const pageNotFound: PlainRefusal = { status: 404, text: "404: Page Not Found" };
export const methodNotAllowed: PlainRefusal = { status: 405, text: "405: Method Not Allowed" };

const jsonType = "application/json";
const needsNoType = new Set(["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"]);

/** Every route takes JSON only, and gives one type; a request that cannot do with that is refused before it is looked at. */
export function negotiate(
  method: string,
  headers: Readonly<Record<string, string | undefined>>,
  gives: string = jsonType,
): PlainRefusal | undefined {
  const length = headers["content-length"] ?? "0";
  const hasBody = headers["transfer-encoding"] !== undefined || length !== "0";
  const typed = takesType(method, headers["content-type"]);
  if (!typed && hasBody) return { status: 415, text: "415: Unsupported Media Type" };
  if (typed && acceptsType(headers["accept"], gives)) return undefined;
  const available = typed ? gives : "";
  if (!hasBody && !needsNoType.has(method))
    return { status: 415, text: `415: Unsupported Media Type\n\nAvailable representations: ${available}` };
  return { status: 406, text: `406: Not Acceptable\n\nAvailable representations: ${available}` };
}

function takesType(method: string, contentType: string | undefined): boolean {
  if (contentType === undefined || contentType === "") return needsNoType.has(method);
  return mediaTypes(contentType).includes(jsonType);
}

const acceptsType = (accept: string | undefined, given: string) =>
  accept === undefined || accept === "" || mediaTypes(accept).some((type) => type === given || type === "*/*");

const mediaTypes = (header: string) => header.split(",").map((part) => part.split(";")[0]!.trim());
