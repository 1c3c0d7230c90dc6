/**
 * Puts the simulated machine below the services, before any of them is loaded: where a module of the product asks for a part of the machine
 * (`node:fs`) or for what talks to it (`@grpc/grpc-js`), it gets the adapter of `shims/`. Given to Node as `--import`.
 */
import { registerHooks } from "node:module";
import { mutated, mutations } from "./mutations.ts";
import { installGlobals } from "./world/globals.ts";

const here = new URL(".", import.meta.url).href;
const root = new URL("../../..", import.meta.url).href;

const shims: Record<string, string> = {
  "node:fs": "fs",
  "node:fs/promises": "fs-promises",
  "node:sqlite": "sqlite",
  "node:crypto": "crypto",
  "node:timers/promises": "timers-promises",
  "node:os": "os",
  "node:http": "http",
  "node:https": "https",
  "node:tls": "tls",
  "node:dns/promises": "dns-promises",
  "@grpc/grpc-js": "grpc",
  fastify: "fastify",
  "prom-client": "prom-client",
};

/** Name of a bug to put in. */
const mutation = mutations.find(({ name }) => name === process.env["ATOLL_MUTATION"]);

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (mutation === undefined || url !== `${root}${mutation.file}`) return loaded;
    return { ...loaded, source: mutated(mutation, Buffer.from(loaded.source as Uint8Array).toString("utf8")) };
  },
  resolve(specifier, context, next) {
    const shim = shims[specifier];
    const parent = context.parentURL ?? "";
    const isProduct = parent.startsWith(root) && !parent.startsWith(here) && !parent.includes("/node_modules/");
    return shim !== undefined && isProduct ? next(new URL(`shims/${shim}.ts`, here).href, context) : next(specifier, context);
  },
});
installGlobals();
