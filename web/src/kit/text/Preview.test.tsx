import { render } from "@testing-library/react";
import { expect, it } from "vitest";

import { Preview } from "./Preview";

it("marks words in any case and keeps markup inert", () => {
  const { container } = render(<Preview text={"Blue <b>sky</b>\nis blue\u202e"} mark="blue" />);
  expect([...container.querySelectorAll("mark")].map((each) => each.textContent)).toEqual(["Blue", "blue"]);
  expect(container.textContent).toBe("Blue <b>sky</b> is blue⟨U+202E⟩");
  expect(container.querySelector("b")).toBeNull();
});

it("shows a text whose small letters are longer as it is", () => {
  const { container } = render(<Preview text="İstanbul blue" mark="blue" />);
  expect(container.textContent).toBe("İstanbul blue");
});
