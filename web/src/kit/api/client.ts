/** The one way to the API: typed by the server's own document, errors as RFC 9457. Not: caching (TanStack's). */
import createClient, { type Middleware } from "openapi-fetch";

import { randomId } from "../ids";
import { readKey, refuseKey } from "./key";
import { markSeen } from "./seen";
import type { paths, Problem } from "./schema";

/** What went wrong, as the server says it; `status` 0 means that no server answered. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
    /** When it may be asked again, as the server says; null: it says nothing. */
    readonly retryAfter_s: number | null = null,
  ) {
    super(problem.detail);
  }

  get code(): string {
    return this.problem.code;
  }
}

const withKey: Middleware = {
  onRequest({ request }) {
    const key = readKey();
    if (key && !request.url.endsWith("/api/v1/sign-ins")) request.headers.set("Authorization", `Bearer ${key}`);
    return request;
  },
  onResponse({ request, response }) {
    markSeen(response);
    if (response.status === 401) refuseKey(request.headers.get("Authorization")?.replace("Bearer ", "") ?? null);
  },
  onError() {
    return new ApiError(0, unreachable());
  },
};

export const api = createClient<paths>({ baseUrl: typeof location === "undefined" ? "" : location.origin, fetch: (request) => fetch(request) });
api.use(withKey);

/** Return the data of a call of `api`, or throw what went wrong as an ApiError. */
export async function unwrap<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call;
  if (error !== undefined || !response.ok) throw new ApiError(response.status, asProblem(error, response), Number(response.headers.get("retry-after")) || null);
  return data as T;
}

/** Whether a change was refused because somebody else's came first: what is shown is to be read anew. */
export function cameSecond(error: unknown): boolean {
  return error instanceof ApiError && error.status === 412;
}

/** A fresh key for a POST that creates: a retry of the same intent must send the same one. */
export function idempotencyKey(): string {
  return randomId();
}

function asProblem(error: unknown, response: Response): Problem {
  if (typeof error === "object" && error !== null && "code" in error && "detail" in error) return error as Problem;
  const trace_id = response.headers.get("x-trace-id");
  return { ...unreachable(), title: response.statusText, status: response.status, code: "http.error", trace_id,
    detail: `The server answered ${response.status} without saying why. Try again.` };
}

function unreachable(): Problem {
  return { type: "about:blank", title: "No answer", status: 0, code: "http.unreachable", trace_id: null, errors: [],
    detail: "The server did not answer. Is it running? Start it with `camel-ext up`; nothing you typed is lost." };
}
