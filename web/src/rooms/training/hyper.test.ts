import { expect, it } from "vitest";

import { read } from "./hyper";

it.each([
  ["8e-4", 0.0002, 0.0008], ["48", null, 48], ["none", 20, null], ["true", false, true], ["ipo", "sigmoid", "ipo"], ["q_proj, v_proj", ["q_proj"], ["q_proj", "v_proj"]], ["many", 4, "many"],
])("reads %s beside %j as %j", (text, like, value) => expect(read(text, like)).toEqual(value));
