import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

/** Beside the bundle, from within one of its chunks, or as `npm run build` leaves it among the sources. */
const places = ["gui/", "../gui/", "../../../dashboard/build/"];

/** Folder of the built page; undefined where it was not built. */
function guiFolder(): string | undefined {
  return places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((folder) => existsSync(`${folder}index.html`));
}

/** For the settings of an API: nothing where there is no page. */
export function guiSetting(): { gui?: { folder: string } } {
  const folder = guiFolder();
  return folder === undefined ? {} : { gui: { folder } };
}

/**
 * Serves the page under `path`. It is the same for everybody and asks the REST API as whoever uses it, so no credentials are looked at. It may
 * load nothing from elsewhere and be framed by nobody.
 */
export function serveGui(app: FastifyInstance, folder: string, path: string): void {
  void app.register(async (scope) => {
    scope.addHook("onRoute", (route) => {
      route.config = { ...route.config, open: true };
    });
    await scope.register(fastifyStatic, {
      root: folder,
      prefix: `${path}/`,
      index: false,
      cacheControl: false,
      setHeaders: (reply, file) => {
        // Names of assets have a hash of their content.
        reply.header("cache-control", file.includes("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
        reply.header(
          "content-security-policy",
          "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
        );
      },
    });
    // To the router both are one; to a browser, the page's own paths begin below the second.
    scope.get(path, (request, reply) =>
      request.url.split("?")[0]!.endsWith("/") ? reply.sendFile("index.html") : reply.redirect(`${path}/`),
    );
  });
}
