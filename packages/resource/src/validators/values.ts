import { isIP } from "node:net";
import { durationMs } from "../duration.ts";
import { violation, type Violations } from "./violation.ts";

export const isIpAddress = (text: string): boolean => isIP(text) !== 0;

const dnsName = /^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62}(\.[a-zA-Z0-9_][a-zA-Z0-9_-]{0,62})*[._]?$/;
export const isDnsName = (text: string): boolean => text.replaceAll(".", "").length <= 255 && dnsName.test(text);

const lowercaseDomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Host names of listeners and routes: "*", "*.domain" or a domain. */
export function* validateHostname(path: string, hostname: string): Violations {
  if (hostname === "*") return;
  if (hostname.length > 253) yield violation(path, "must be at most 253 characters");
  if (hostname.startsWith("*.")) {
    if (!lowercaseDomain.test(hostname.slice(2))) yield violation(path, "invalid wildcard domain");
  } else if (!lowercaseDomain.test(hostname)) {
    yield violation(path, "invalid hostname");
  }
}

export function* validatePort(path: string, port: number = 0): Violations {
  if (port < 1 || port > 65_535) yield violation(path, "port must be in the range [1, 65535]");
}

const isPositive = (duration: string | undefined): boolean => duration !== undefined && durationMs(duration) > 0;

/** A duration that must be given and above zero. */
export function* validateDuration(path: string, duration: string | undefined): Violations {
  if (!isPositive(duration)) yield violation(path, "must have a positive value");
}

/** A duration or number that must be above zero if it is given. */
export function* validatePositiveIfDefined(path: string, value: string | number | undefined): Violations {
  if (value === undefined) return;
  const positive = typeof value === "number" ? value > 0 : isPositive(value);
  if (!positive) yield violation(path, "has to be greater than 0 when defined");
}

export function* validateThreshold(path: string, threshold: number = 0): Violations {
  if (threshold === 0) yield violation(path, "must have a positive value");
}

/** A percentage; with `required` it must be given. */
export function* validatePercentage(path: string, value: number | undefined, required = false): Violations {
  if (value === undefined) {
    if (required) yield violation(path, "cannot be empty");
  } else if (value < 0 || value > 100) {
    yield violation(path, "has to be in [0.0 - 100.0] range");
  }
}

/** Where a proxy listens. */
export function* validateAddress(path: string, address: string = ""): Violations {
  if (address === "") {
    yield violation(path, "address can't be empty");
    return;
  }
  if (address === "0.0.0.0" || address === "::") yield violation(path, "must not be 0.0.0.0 or ::");
  if (!isIpAddress(address) && !isDnsName(address)) yield violation(path, "address has to be valid IP address or domain name");
}

/** Whether a listener on `address` also takes connections to 127.0.0.1. */
export const includesLoopback = (address: string): boolean => ["127.0.0.1", "0.0.0.0", "::"].includes(address);

/** Host and port of "host:port" or "[v6]:port"; undefined if it is neither. */
export function splitHostPort(text: string): { host: string; port: string } | undefined {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(text);
  return parts ? { host: parts[1] ?? parts[2] ?? "", port: parts[3] ?? "" } : undefined;
}

/** At least one field is written. */
export const isWritten = (value: object | undefined): boolean => value !== undefined && Object.keys(value).length > 0;
