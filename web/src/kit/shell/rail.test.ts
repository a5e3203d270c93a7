import { beforeEach, describe, expect, it } from "vitest";

import { showRail, toggleRail } from "./rail";

const RUN = "/workflows/run/", LOGS = "/interactions/";
const shown = (path: string) => { showRail(path); return document.documentElement.dataset.rail; };

beforeEach(() => { localStorage.clear(); window.innerWidth = 1280; });

describe("the navigation as a rail", () => {
  it("is one on pages of work, and elsewhere by the width of the window", () => {
    expect([shown(RUN), shown(LOGS)]).toEqual(["work", undefined]);
  });
  it("is remembered for pages of work and for the others by themselves", () => {
    shown(RUN); toggleRail(RUN);
    expect([shown(RUN), shown(LOGS)]).toEqual(["off", undefined]);
    toggleRail(LOGS);
    expect([shown(RUN), shown(LOGS)]).toEqual(["off", "on"]);
    shown(RUN); toggleRail(RUN);
    expect([shown(RUN), shown(LOGS)]).toEqual(["on", "on"]);
  });
  it("goes from what is seen: with much room a page of work is wide", () => {
    window.innerWidth = 1920;
    shown(RUN); toggleRail(RUN);
    expect(shown(RUN)).toBe("on");
  });
});
