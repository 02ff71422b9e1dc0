// What a person is told when a call fails.
import type { components } from "./schema.gen";

type ProblemBody = components["schemas"]["ProblemBody"];

/** Kinds that the page has its own words for; the rest is told by the host's sentence. */
export type Kind =
  | "offline"
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "invalid"
  | "busy"
  | "unavailable"
  | "refused";

export class Failure extends Error {
  readonly kind: Kind;
  /** The host's sentence; empty when no host answered. */
  readonly detail: string;
  readonly fields: { field: string; message: string }[];
  readonly requestId: string | null;

  constructor(
    kind: Kind,
    detail: string,
    fields: { field: string; message: string }[] = [],
    requestId: string | null = null,
  ) {
    super(detail || kind);
    this.name = "Failure";
    this.kind = kind;
    this.detail = detail;
    this.fields = fields;
    this.requestId = requestId;
  }

  /** Whether the same call may work a moment later. */
  get passes(): boolean {
    return this.kind === "offline" || this.kind === "unavailable";
  }
}

const KINDS: Record<number, Kind> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  422: "invalid",
  429: "busy",
  503: "unavailable",
};

function isProblem(value: unknown): value is ProblemBody {
  return typeof value === "object" && value !== null && "detail" in value && typeof value.detail === "string";
}

export function failure(response: Response, body: unknown): Failure {
  const kind = KINDS[response.status] ?? (response.status >= 500 ? "unavailable" : "refused");
  const problem = isProblem(body) ? body : null;
  return new Failure(
    kind,
    problem?.detail ?? "",
    problem?.errors ?? [],
    response.headers.get("x-request-id"),
  );
}

export function offline(reason: unknown): Failure {
  if (reason instanceof Failure) return reason;
  return new Failure("offline", "");
}

export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure("refused", "");
}
