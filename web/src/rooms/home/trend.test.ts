import { expect, it } from "vitest";

import { change } from "./trend";

const day = (runs: number, succeeded: number) => ({ runs, succeeded });

it.each([
  [[], { recent: null, difference: null }],
  [[day(0, 0), day(4, 3)], { recent: 0.75, difference: null }],
  [[day(10, 5), day(0, 0), day(2, 2)], { recent: 1, difference: 0.5 }],
  [[day(8, 8), day(2, 0), day(10, 4)], { recent: 4 / 12, difference: 4 / 12 - 1 }],
])("%j", (days, wanted) => expect(change(days)).toEqual(wanted));
