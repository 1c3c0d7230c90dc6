import { defineConfig } from "vite";

// Paths are relative: a control plane may serve the page below any `basePath`.
export default defineConfig({
  base: "./",
  resolve: { conditions: ["@atoll/source", "module", "browser", "default"] },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { outDir: "build", emptyOutDir: true, assetsDir: "assets", chunkSizeWarningLimit: 900 },
});
