// What the screens of templates ask for.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told, type Schemas } from "../api/client";

export const TEMPLATES_PAGE = 20;

export type Template = Schemas["Template"];

export function templatesQuery(skip: number) {
  return queryOptions({
    queryKey: ["templates", skip],
    queryFn: () => told(api.GET("/api/templates", { params: { query: { skip, limit: TEMPLATES_PAGE } } })),
    placeholderData: keepPreviousData,
  });
}

export function templateQuery(id: string) {
  return queryOptions({
    queryKey: ["template", id],
    queryFn: () => told(api.GET("/api/templates/{id}", { params: { path: { id } } })),
  });
}

/** What a contact would get of the template as it is saved. */
export function previewQuery(template: Template, contact: string | null) {
  return queryOptions({
    queryKey: ["template", template.id, "preview", template.version, contact],
    queryFn: () =>
      told(
        api.POST("/api/templates/{id}/preview", {
          params: { path: { id: template.id } },
          body: { contact_id: contact },
        }),
      ),
    enabled: contact !== null,
    placeholderData: keepPreviousData,
  });
}
