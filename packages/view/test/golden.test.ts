import { golden } from "@atoll/testkit";
import { join } from "node:path";
import { produce } from "./world.ts";
import type { World } from "./world.ts";

golden<World>(join(import.meta.dirname, "..", "testdata"), (world) => ({ yaml: produce(world) }));
