export { request } from "./http.ts";
