import { describe, expect, it } from "vitest";

import { href, queryNow, rememberQuery, settleQuery } from "./url";

describe("the address as state", () => {
  it("leaves out what is empty, so that equal states give equal addresses", () => {
    expect(href("/workflows/run", { id: "a b", turn: null, tab: "", fork: false, graph: "expanded" })).toBe("/workflows/run/?id=a+b&graph=expanded");
  });

  it("knows a change that the router has not shown yet, on this page and for a moment", () => {
    rememberQuery("/a/", "?turn=1", "?turn=3", 0);
    expect(queryNow("/a/", "?turn=1", 10)).toBe("?turn=3");
    expect(queryNow("/a/", "?turn=3", 10)).toBe("?turn=3"); // it is shown
    expect(queryNow("/a/", "?turn=7", 10)).toBe("?turn=7"); // somebody went on
    expect(queryNow("/b/", "?turn=1", 10)).toBe("?turn=1");
    expect(queryNow("/a/", "?turn=1", 5000)).toBe("?turn=1");
    rememberQuery("/a/", "?turn=1", "?turn=3&tab=raw", 20);
    expect(queryNow("/a/", "?turn=3", 30)).toBe("?turn=3&tab=raw"); // the first of two is shown
    settleQuery("?turn=3&tab=raw"); // it is shown; then a step back
    expect(queryNow("/a/", "?turn=1", 20)).toBe("?turn=1");
  });
});
