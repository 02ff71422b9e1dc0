import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// CRM_API: the host that a development server passes the API's requests to.
const api = process.env.CRM_API ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  build: {
    // The policy of the page allows files of the host alone: no data: addresses, no script in the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // One file: it is kept for good once loaded, and the screens share most of it.
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": api } },
  test: { include: ["test/**/*.test.ts"] },
});
