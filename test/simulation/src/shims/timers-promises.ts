export { delay as setTimeout, turn as setImmediate } from "../world/globals.ts";
