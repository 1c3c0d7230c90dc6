export { faultKey, faultsOf, judgeStage, type Fault, type Judgement, type Observed, type RequestCount } from "./judge-stage.ts";
export { countsOf, RequestCounter, type CountRequests, type ProxyCounts, type RequestCounterOptions } from "./request-counter.ts";
export { driverAuthor, knownFaults, RolloutDriver, type RolloutDriverOptions } from "./rollout-driver.ts";
export {
  endStep,
  holdStep,
  passStep,
  progressText,
  rolloutOf,
  startStep,
  type NewRollout,
  type Rollout,
  type Step,
  type StepBy,
} from "./steps.ts";
