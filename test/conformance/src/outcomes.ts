/** What the rig said about one scenario. */
export interface Outcome {
  name: string;
  same: boolean;
  /** What differs, as the rig printed it. */
  detail: string;
}

/** Reads the output of `rig.py check`: a line for each scenario, indented lines below those that differ. */
export function readOutcomes(output: string): Map<string, Outcome> {
  const outcomes = new Map<string, Outcome>();
  let last: Outcome | undefined;
  for (const line of output.split("\n")) {
    const verdict = /^(same|differs)\s+(\d+-\S+)/.exec(line);
    if (verdict !== null) {
      last = { name: verdict[2]!, same: verdict[1] === "same", detail: "" };
      outcomes.set(last.name, last);
    } else if (last !== undefined && line.startsWith(" ")) {
      last.detail += `${line}\n`;
    } else {
      last = undefined;
    }
  }
  return outcomes;
}
