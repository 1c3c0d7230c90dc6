export { arguedDifferences } from "./argued.ts";
export { readOutcomes, type Outcome } from "./outcomes.ts";
export { rigEntry, RigFolderError, scenarioNames } from "./rig-folder.ts";
export { runRecorded, type RecordedResult, type RecordedRun } from "./run-recorded.ts";
