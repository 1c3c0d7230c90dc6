import type { KubernetesObject } from "@atoll/kubernetes";
import { fieldManager } from "./field-manager.ts";

/**
 * Would a server-side apply of `desired` by `manager` change what is there? It would where a field differs, and where an earlier apply set one that is not
 * wanted any more. What others set beside it does not count.
 */
export function appliesDifference(desired: KubernetesObject, present: KubernetesObject, manager: string = fieldManager): boolean {
  const { apiVersion: _version, kind: _kind, metadata, ...content } = desired;
  const wanted = { ...content, metadata: { labels: {}, annotations: {}, ...metadata } };
  if (!holds(wanted, { ...present, metadata: { labels: {}, annotations: {}, ...present.metadata } })) return true;
  const fields = (present.metadata as { managedFields?: readonly { manager?: string; fieldsV1?: FieldSet }[] }).managedFields ?? [];
  return fields.some(({ manager: whose, fieldsV1 = {} }) => whose === manager && !covers(desired, fieldsV1));
}

type FieldSet = { readonly [path: string]: FieldSet };

/** Has `present` everything that `wanted` says? Lists are compared item by item: what the server adds stands within items. */
function holds(wanted: unknown, present: unknown, field?: string): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(present) && wanted.length === present.length && wanted.every((item, index) => holds(item, present[index]));
  }
  if (typeof wanted === "object" && wanted !== null) {
    if (typeof present !== "object" || present === null) return Object.keys(wanted).length === 0;
    const isQuantities = field === "limits" || field === "requests";
    return Object.entries(wanted).every(([key, value]) => {
      const there = (present as Record<string, unknown>)[key];
      return value === undefined || (isQuantities ? quantity(value) === quantity(there) : holds(value, there, key));
    });
  }
  return wanted === present || (isEmpty(wanted) && isEmpty(present));
}

/** Go leaves zero values out of what it stores. */
const isEmpty = (value: unknown): boolean => value === undefined || value === null || value === "" || value === 0 || value === false;

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The server writes `1000m` as `1`. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
function quantity(value: unknown): unknown {
  const [, digits, suffix] = /^([+-]?[0-9.]+)([numkMGTPE]i?|[KMGTPE]i|)$/.exec(String(value)) ?? [];
  return digits === undefined ? value : Number((Number(digits) * (suffixes[suffix ?? ""] ?? Number.NaN)).toPrecision(12));
}

/** Is every field of the set one that `wanted` has? https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ (fieldsV1) */
function covers(wanted: unknown, fields: FieldSet): boolean {
  return Object.entries(fields).every(([path, below]) => {
    if (path === ".") return true;
    const found = follow(wanted, path);
    return found !== undefined && (Object.keys(below).length === 0 || covers(found, below));
  });
}

function follow(wanted: unknown, path: string): unknown {
  const [kind, rest] = [path.slice(0, 2), path.slice(2)];
  if (kind === "f:") return typeof wanted === "object" && wanted !== null ? (wanted as Record<string, unknown>)[rest] : undefined;
  if (!Array.isArray(wanted)) return undefined;
  if (kind === "i:") return wanted[Number(rest)];
  const key: unknown = JSON.parse(rest);
  if (kind === "v:") return wanted.find((item) => item === key);
  return wanted.find((item) => holds(withDefaults(key as object, item as object), item));
}

/** Keys of list items may have a default that their author left out: a port's protocol. */
const withDefaults = (key: object, item: object): object =>
  Object.fromEntries(Object.entries(key).filter(([name, value]) => name in item || value !== "TCP"));
