/** How many minor versions a zone and its global may be apart. */
const minorSpan = 2;

export type SkewVerdict = { accepted: true; warning?: string } | { accepted: false; reason: string };

function parse(version: string): { major: number; minor: number } | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.|$)/.exec(version);
  return match ? { major: Number(match[1]), minor: Number(match[2]) } : undefined;
}

/** Whether a zone of one version may join a global of another, and what to do about it if not. Global is upgraded first. */
export function judgeVersions({ zone, global }: { zone: string; global: string }): SkewVerdict {
  const theirs = parse(zone);
  const ours = parse(global);
  if (!theirs || !ours) return { accepted: false, reason: `version "${theirs ? global : zone}" is not of the form 1.2.3` };
  if (theirs.major !== ours.major) {
    return { accepted: false, reason: `the zone runs ${zone} and global ${global}: their major versions must be the same` };
  }
  const ahead = theirs.minor - ours.minor;
  if (Math.abs(ahead) > minorSpan) {
    const upgrade = ahead > 0 ? "upgrade global" : "upgrade the zone";
    return {
      accepted: false,
      reason: `the zone runs ${zone} and global ${global}: they may be ${minorSpan} minor versions apart at most; ${upgrade}`,
    };
  }
  if (ahead > 0) return { accepted: true, warning: `the zone runs ${zone}, newer than global ${global}: upgrade global first` };
  return { accepted: true };
}
