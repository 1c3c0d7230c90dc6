export { foreignPage } from "./foreign-page.ts";
export { isLoopbackAddress, isLoopbackHost } from "./loopback.ts";
export { requestFacts, type RequestFacts } from "./request-facts.ts";
export { whereFrom, type Whereabouts } from "./whereabouts.ts";
