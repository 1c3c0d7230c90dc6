export { type Outcome, runSeed } from "./scenario.ts";
