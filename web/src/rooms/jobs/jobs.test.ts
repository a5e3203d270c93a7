import { expect, it } from "vitest";

import { heldBy, worksFor } from "./works";

it("leads from a job to what it works for", () => {
  expect(worksFor({ run_id: "r 1" })).toEqual({ href: "/workflows/run/?id=r+1", word: "the run" });
  expect(worksFor({ training_id: "t1" })?.href).toContain("/training/?id=t1");
  expect(worksFor({ batch_id: "b1" })).toBeNull();
  expect(worksFor({ run_id: 7 })).toBeNull();
});

it("leads from a worker to the list of what it holds", () => {
  expect(heldBy("w 1")).toBe("/settings/jobs/?worker=w+1#jobs");
});
