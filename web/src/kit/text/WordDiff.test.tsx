import { render } from "@testing-library/react";
import { expect, it } from "vitest";

import { WordDiff } from "./WordDiff";

const texts = (found: NodeListOf<Element>) => [...found].map((each) => each.textContent);

it("marks words, and shows markup as text", () => {
  const { container } = render(<WordDiff before="The sky is <b>blue</b>." after="The sea is <b>blue</b>." />);
  expect([texts(container.querySelectorAll("del")), texts(container.querySelectorAll("ins"))]).toEqual([["sky"], ["sea"]]);
  expect(container.querySelector("b")).toBeNull();
});

it("shows one side alone", () => {
  const { container } = render(<WordDiff before="one two three" after="one two four" only="after" />);
  expect(container.textContent).toBe("one two four");
  expect(container.querySelector("del")).toBeNull();
});

it("leaves two texts that have little in common unmarked", () => {
  const { container } = render(<WordDiff before="Air scatters blue light." after="A vaccine teaches the body." only="after" />);
  expect([container.textContent, container.querySelector("ins")]).toEqual(["A vaccine teaches the body.", null]);
});
