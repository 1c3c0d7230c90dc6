import type { ConditionDraft } from "../conditions.ts";
import type { Listener } from "./gateway-api-objects.ts";

/** A listener that cannot be made, and why. */
export interface RefusedListener {
  readonly listener: Listener;
  readonly conditions: readonly ConditionDraft[];
}

/** Which listeners can be made as they are, by their protocols and by what they are to each other. */
export function judgeListeners(
  listeners: readonly Listener[],
  crossMesh: boolean,
): { valid: readonly Listener[]; refused: readonly RefusedListener[] } {
  const isSupported = ({ protocol }: Listener) => protocol === "HTTP" || (protocol === "HTTPS" && !crossMesh);
  const place = ({ hostname = "*", port }: Listener) => `${hostname}:${port}`;
  const supported = listeners.filter(isSupported);
  const places = Map.groupBy(supported, place);
  const protocols = Map.groupBy(supported, ({ port }) => port);

  const valid: Listener[] = [];
  const refused: RefusedListener[] = [];
  for (const listener of listeners) {
    const isPlaceTaken = (places.get(place(listener)) ?? []).length > 1;
    const isPortMixed = new Set((protocols.get(listener.port) ?? []).map(({ protocol }) => protocol)).size > 1;
    if (!isSupported(listener)) {
      const message = `unsupported protocol ${listener.protocol}${crossMesh ? " with cross-mesh" : ""}`;
      refused.push({ listener, conditions: [accepted("False", "UnsupportedProtocol", message), notProgrammed("detached")] });
    } else if (isPlaceTaken && (listener.hostname !== undefined || !isPortMixed)) {
      refused.push(conflicted(listener, "HostnameConflict", `multiple listeners for ${place(listener)}`));
    } else if (isPortMixed) {
      refused.push(conflicted(listener, "ProtocolConflict", `multiple listeners on ${listener.port} with conflicting protocols`));
    } else valid.push(listener);
  }
  return { valid, refused };
}

/** The conditions of a listener that can be made, but for what it may refer to wrongly. */
export const listenerConditions = (unresolved: { reason: string; message: string } | undefined): ConditionDraft[] => [
  accepted("True", "Accepted"),
  { type: "Conflicted", status: "False", reason: "NoConflicts" },
  unresolved === undefined
    ? { type: "ResolvedRefs", status: "True", reason: "ResolvedRefs" }
    : { type: "ResolvedRefs", status: "False", ...unresolved },
  unresolved === undefined ? { type: "Programmed", status: "True", reason: "Programmed" } : notProgrammed("unable to resolve refs"),
];

const accepted = (status: "True" | "False", reason: string, message = ""): ConditionDraft => ({
  type: "Accepted",
  status,
  reason,
  message,
});

const notProgrammed = (message: string): ConditionDraft => ({ type: "Programmed", status: "False", reason: "Invalid", message });

const conflicted = (listener: Listener, reason: string, message: string): RefusedListener => ({
  listener,
  conditions: [{ type: "Conflicted", status: "True", reason, message }, notProgrammed("conflicts found")],
});
