import { describe, expect, it } from "vitest";

import { added, BEGUN, Lines } from "./chat";

describe("the stream", () => {
  it("is whole wherever the network cuts it", () => {
    const whole = 'data: {"a":1}\n\ndata: {"b":"\u00e9"}\r\n\r\n: ping\n\ndata: [DONE]\n\n';
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const lines = new Lines();
      expect([...lines.take(whole.slice(0, cut)), ...lines.take(whole.slice(cut))]).toEqual(['{"a":1}', '{"b":"\u00e9"}', "[DONE]"]);
    }
  });

  it("adds text, tokens and the first token's time, and ends", () => {
    const said = (content: string) => JSON.stringify({ choices: [{ delta: { content } }] });
    let answer = added(BEGUN, JSON.stringify({ choices: [{ delta: { role: "assistant", content: null } }] }), 5);
    expect(answer.firstMs).toBeNull();
    answer = added(added(answer, said("A"), 20), said(" b"), 30);
    answer = added(answer, JSON.stringify({ choices: [{ delta: {}, finish_reason: "stop" }] }), 40);
    answer = added(answer, JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }), 41);
    answer = added(answer, "[DONE]", 42);
    expect(answer).toMatchObject({ state: "succeeded", text: "A b", firstMs: 20, totalMs: 42, finish: "stop", promptTokens: 3, completionTokens: 2 });
  });

  it("keeps what came before an error, and stays failed", () => {
    const failed = added({ ...BEGUN, text: "half" }, JSON.stringify({ error: { message: "engine died", code: "serving.engine_failed" } }), 9);
    expect(added(failed, "[DONE]", 10)).toMatchObject({ state: "failed", text: "half" });
    expect(String(failed.error)).toContain("engine died");
  });
});
