import { render } from "@testing-library/react";
import { expect, it } from "vitest";

import { reveal, Untrusted } from "./Untrusted";

it("shows markup as text", () => {
  const { container } = render(<Untrusted text={'<img src=x onerror="alert(1)">'} />);
  expect(container.querySelector("img")).toBeNull();
  expect(container.textContent).toBe('<img src=x onerror="alert(1)">');
});

it("makes hidden and turning characters visible, and leaves the rest", () => {
  expect(reveal("a\u202eb\u200bc\td\n")).toBe("a⟨U+202E⟩b⟨U+200B⟩c\td\n");
  expect(reveal("naïve 日本 👩‍💻".replace("\u200d", ""))).toBe("naïve 日本 👩💻");
});
