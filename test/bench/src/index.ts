export { measureMemory, type MemoryOptions, type ProcessFigures } from "./memory.ts";
export { measurePropagation, type PropagationOptions, type PropagationResult } from "./propagation.ts";
export { renderMemory, renderPropagation } from "./render.ts";
export { spread, type Spread } from "./percentiles.ts";
