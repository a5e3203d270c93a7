import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { DEFAULTS, fetchPrefs, forgetPrefs, prefer, usePrefsState } from "./prefs";

/** The server's document with its revision, as the route has it. */
const server = { document: {} as object, revision: 0, refuse: false };

async function answer(request: Request): Promise<Response> {
  const headers = { etag: `"${server.revision}"`, "content-type": "application/json" };
  if (server.refuse) return new Response(JSON.stringify({ code: "core.unavailable", detail: "Away." }), { status: 503, headers });
  if (request.method === "PUT") {
    if (request.headers.get("if-match") !== headers.etag) return new Response(JSON.stringify({ code: "core.precondition_failed", detail: "Changed." }), { status: 412, headers });
    server.document = await request.json() as object;
    server.revision += 1;
    headers.etag = `"${server.revision}"`;
  }
  return new Response(JSON.stringify({ ...DEFAULTS, ...server.document }), { headers });
}

const now = () => usePrefsState.getState();
const waited = () => vi.waitFor(() => { if (Object.keys(now().unsent).length > 0) throw new Error("not yet sent"); }, 4000);

beforeEach(async () => {
  vi.stubGlobal("fetch", answer);
  Object.assign(server, { document: {}, revision: 0, refuse: false });
  localStorage.clear();
  usePrefsState.setState({ prefs: DEFAULTS, unsent: {}, problem: null });
  await fetchPrefs();
});

afterEach(() => { vi.unstubAllGlobals(); });

describe("preferences", () => {
  it("are here at once, on the server a moment later, in one request", async () => {
    prefer({ theme: "dark" }); prefer({ density: "compact" });
    const here = JSON.parse(localStorage.getItem("camel-ext.prefs")!) as { density: string };
    expect([now().prefs.theme, here.density, server.revision]).toEqual(["dark", "compact", 0]);
    await waited();
    expect([server.document, server.revision]).toEqual([{ ...DEFAULTS, theme: "dark", density: "compact" }, 1]);
  });

  it("keep the change of another browser beside one's own", async () => {
    server.document = { ...DEFAULTS, fast_lane: true };
    server.revision = 7;
    prefer({ theme: "light" });
    await waited();
    expect(server.document).toEqual({ ...DEFAULTS, fast_lane: true, theme: "light" });
    expect(now().prefs.fast_lane).toBe(true);
  });

  it("wait while the server is away, and say so", async () => {
    server.refuse = true;
    prefer({ keys_enabled: false });
    await vi.waitFor(() => expect(now().problem).toBe("Away."), 4000);
    expect(now().prefs.keys_enabled).toBe(false);
    server.refuse = false;
    await fetchPrefs();
    expect([server.document, now().problem]).toEqual([{ ...DEFAULTS, keys_enabled: false }, null]);
  });

  it("of a person do not stay for the next one", () => {
    prefer({ theme: "dark", views: { "/interactions": [{ name: "Mine", query: "q=secret" }] } });
    forgetPrefs();
    expect(now().prefs).toEqual({ ...DEFAULTS, theme: "dark" });
    expect(localStorage.getItem("camel-ext.prefs")).not.toContain("secret");
  });
});
