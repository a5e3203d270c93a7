import { expect, it } from "vitest";

import { shares } from "./queries";

it("gives the shares of the traffic, the largest first, whatever the weights sum to", () => {
  expect(shares([{ version_id: "b", weight: 1 }, { version_id: "a", weight: 19 }])).toEqual([{ versionId: "a", ratio: 0.95 }, { versionId: "b", ratio: 0.05 }]);
  expect(shares([{ version_id: "a", weight: 0 }])).toEqual([{ versionId: "a", ratio: 0 }]);
});
