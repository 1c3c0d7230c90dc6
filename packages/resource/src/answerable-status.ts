/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/v3/http_status.proto */
const ranges: [from: number, to: number][] = [
  [100, 100],
  [200, 208],
  [226, 226],
  [300, 305],
  [307, 308],
  [400, 417],
  [421, 424],
  [426, 426],
  [428, 429],
  [431, 431],
  [500, 508],
  [510, 511],
];
const answerableStatuses: ReadonlySet<number> = new Set(
  ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index)),
);

/** Whether Envoy can be told to answer with the status; it refuses a configuration with any other. */
export const isAnswerableStatus = (status: number): boolean => answerableStatuses.has(status);
