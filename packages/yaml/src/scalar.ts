/** What a scalar stands for. A map's key may be any of them, and is written as text then. */
export type ScalarValue =
  | { kind: "null"; value: null }
  | { kind: "bool"; value: boolean }
  | { kind: "int"; value: bigint }
  | { kind: "float"; value: number }
  | { kind: "str"; value: string };

const str = (value: string): ScalarValue => ({ kind: "str", value });

const words = new Map<string, ScalarValue>([
  ...["", "~", "null", "Null", "NULL"].map((word): [string, ScalarValue] => [word, { kind: "null", value: null }]),
  ...["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map((word) => bool(word, true)),
  ...["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map((word) => bool(word, false)),
  ...[".nan", ".NaN", ".NAN"].map((word) => float(word, Number.NaN)),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map((word) => float(word, Number.POSITIVE_INFINITY)),
  ...["-.inf", "-.Inf", "-.INF"].map((word) => float(word, Number.NEGATIVE_INFINITY)),
]);

function bool(word: string, value: boolean): [string, ScalarValue] {
  return [word, { kind: "bool", value }];
}

function float(word: string, value: number): [string, ScalarValue] {
  return [word, { kind: "float", value }];
}

/** Nothing else can be a number, or a word that stands for something. */
const hinted = /^[-+0-9yYnNtTfFoO~.]/;
const floatForm = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const pointForm = /^\.[0-9]+([eE][-+]?[0-9]+)?$/;
const timestampForm = /^\d{4}-\d\d?-\d\d?([Tt ]\d\d?:\d\d?:\d\d?(\.\d+)?(Z|[-+]\d\d:\d\d)?)?$/;

/**
 * What plain text stands for in Go's YAML (1.1, and what of 1.2 it took over): octal as 010 and 0o10, underscores in numbers, yes and
 * no, but neither 1:30 in base 60 nor times.
 * https://pkg.go.dev/go.yaml.in/yaml/v2 (resolve.go)
 */
export function resolvePlain(text: string): ScalarValue {
  if (text !== "" && !hinted.test(text)) return str(text);
  const word = words.get(text);
  if (word !== undefined) return word;
  if (text.startsWith(".")) return pointForm.test(text) ? finite(text) : str(text);
  if (!/^[-+0-9]/.test(text)) return str(text);
  const plain = text.replaceAll("_", "");
  const int = integer(plain);
  if (int !== undefined) return { kind: "int", value: int };
  return floatForm.test(plain) ? finite(plain, text) : str(text);
}

/** A number beyond the range of floats is a text. */
function finite(digits: string, text = digits): ScalarValue {
  const value = Number(digits);
  return Number.isFinite(value) ? { kind: "float", value } : str(text);
}

const [lowestInt, highestInt] = [-(2n ** 63n), 2n ** 64n - 1n];

/** Go's integers with a prefix for their base; a leading 0 is octal. */
function integer(plain: string): bigint | undefined {
  const form = /^([-+]?)(?:(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)|0([0-7]+)|(0|[1-9][0-9]*))$/.exec(plain);
  if (form === null) return undefined;
  const [, sign, prefixed, octal, decimal] = form;
  const size = BigInt(prefixed ?? (octal === undefined ? decimal! : `0o${octal}`));
  const value = sign === "-" ? -size : size;
  // A sign leaves no room for the upper half of 64 bits.
  const highest = sign === "" ? highestInt : 2n ** 63n - 1n;
  return value < lowestInt || value > highest ? undefined : value;
}

const base64Form = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const standard = "tag:yaml.org,2002:";

/** What a scalar with a tag stands for; an own tag's is text. The error is a sentence. */
export function resolveTagged(tag: string, text: string): ScalarValue | { error: string } {
  const name = tag.startsWith(standard) ? tag.slice(standard.length) : "";
  if (name === "binary") {
    if (!base64Form.test(text.replaceAll(/[\r\n]/g, ""))) return { error: "!!binary value contains invalid base64 data" };
    return str(Buffer.from(text, "base64").toString("utf8"));
  }
  if (!["bool", "int", "float", "null", "timestamp"].includes(name)) return str(text);
  const value = resolvePlain(text);
  if (value.kind === name) return value;
  if (name === "float" && value.kind === "int") return { kind: "float", value: Number(value.value) };
  if (name === "timestamp" && timestampForm.test(text)) return str(text);
  return { error: `cannot decode !!${value.kind} \`${text}\` as a !!${name}` };
}

/** The text that a key stands for; undefined where JSON has none. */
export function keyText(key: ScalarValue): string | undefined {
  if (key.kind === "null" || (key.kind === "int" && key.value > 2n ** 63n - 1n)) return undefined;
  return key.kind === "float" ? floatText(key.value) : String(key.value);
}

/** Of single precision, as short as it can be. */
function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? ".nan" : value > 0 ? ".inf" : "-.inf";
  const single = Math.fround(value);
  let digits = 1;
  while (digits < 9 && Math.fround(Number(single.toPrecision(digits))) !== single) digits += 1;
  const [mantissa, exponent] = single.toExponential(digits - 1).split("e") as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 6) return Number(single.toPrecision(digits)).toString();
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
