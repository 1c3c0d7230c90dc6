const key = "k8s.atoll.io/finished";

/** On the Dataplane of a pod whose work is done: only the proxy is left, and is to end. */
export const finishedLabel: Readonly<Record<string, string>> = { [key]: "true" };

export const isFinished = (labels: Readonly<Record<string, string>> | undefined): boolean => labels?.[key] === "true";
