import "./style.css";

import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Failure } from "./api/failure";
import { LanguageProvider } from "./i18n";
import { makeRouter } from "./router";
import { current, subscribe } from "./session";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      // What a moment cures is asked for again; a refusal stays one.
      retry: (count, error) => error instanceof Failure && error.passes && count < 2,
    },
    mutations: { retry: false },
  },
});
const router = makeRouter();

subscribe(() => {
  if (current()) return;
  // Nothing of one user is shown to the next one.
  client.clear();
  void router.invalidate();
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <CSPProvider disableStyleElements>
        <LanguageProvider>
          <QueryClientProvider client={client}>
            <RouterProvider router={router} />
          </QueryClientProvider>
        </LanguageProvider>
      </CSPProvider>
    </StrictMode>,
  );
}
