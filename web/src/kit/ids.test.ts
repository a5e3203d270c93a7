import { afterEach, expect, it, vi } from "vitest";

import { randomId } from "./ids";

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

afterEach(() => vi.unstubAllGlobals());

it("makes ids where the browser does, and where it has only random bytes", () => {
  expect(randomId()).toMatch(UUID4);
  vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array) => bytes.map((_, at) => (at * 37 + 255) % 256) });
  expect(randomId()).toMatch(UUID4);
});
