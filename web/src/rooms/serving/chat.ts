/** Asking an alias through the gateway, streamed: text as it comes, then tokens, time, and the turn's id in the log. */
import { ApiError } from "@/kit/api/client";
import { readKey } from "@/kit/api/key";

export type Message = Record<string, unknown>;
export interface Ask { alias: string; messages: Message[]; seed: number | null; temperature: number; maxTokens: number; session: string }

export interface Answer {
  state: "running" | "succeeded" | "failed" | "cancelled";
  text: string;
  interactionId: string | null;
  versionId: string | null;
  promptTokens: number | null;
  completionTokens: number | null;
  firstMs: number | null;
  totalMs: number | null;
  finish: string | null;
  error: unknown;
}

export const BEGUN: Answer = { state: "running", text: "", interactionId: null, versionId: null, promptTokens: null, completionTokens: null, firstMs: null, totalMs: null, finish: null, error: null };

interface Chunk {
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  error?: { message: string; code?: string | null };
}

/** Takes the pieces of an event stream apart, wherever the network cut them. */
export class Lines {
  private rest = "";

  /** Return the data of each event that is whole now. */
  take(piece: string): string[] {
    const events = (this.rest + piece).split(/\r?\n\r?\n/);
    this.rest = events.pop()!;
    return events.map((event) => event.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n")).filter(Boolean);
  }
}

/** Return the answer with one chunk added. */
export function added(answer: Answer, data: string, passedMs: number): Answer {
  if (data === "[DONE]") return { ...answer, state: answer.state === "failed" ? "failed" : "succeeded", totalMs: passedMs };
  const chunk = JSON.parse(data) as Chunk;
  if (chunk.error) return { ...answer, state: "failed", totalMs: passedMs, error: gone(chunk.error.code ?? "serving.stream", chunk.error.message) };
  const choice = chunk.choices?.[0];
  const text = choice?.delta?.content ?? "";
  return {
    ...answer, text: answer.text + text, finish: choice?.finish_reason ?? answer.finish,
    firstMs: answer.firstMs ?? (text ? passedMs : null),
    promptTokens: chunk.usage?.prompt_tokens ?? answer.promptTokens, completionTokens: chunk.usage?.completion_tokens ?? answer.completionTokens,
  };
}

/** Ask, and tell of each change; the signal stops the model, too. */
export async function ask(asked: Ask, signal: AbortSignal, tell: (answer: Answer) => void): Promise<Answer> {
  const from = performance.now();
  const passed = () => performance.now() - from;
  let answer = BEGUN;
  try {
    const response = await fetch("/v1/chat/completions", {
      method: "POST", signal,
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${readKey() ?? ""}`, "X-Camel-Session": asked.session, "X-Camel-Tags": "playground", "X-Camel-Purpose": "sample" },
      body: JSON.stringify({ model: asked.alias, messages: asked.messages, temperature: asked.temperature, max_tokens: asked.maxTokens, ...(asked.seed === null ? {} : { seed: asked.seed }), stream: true, stream_options: { include_usage: true } }),
    });
    answer = { ...answer, interactionId: response.headers.get("x-camel-interaction-id"), versionId: response.headers.get("x-camel-model-version") };
    if (!response.ok || !response.body) throw await refused(response);
    const lines = new Lines();
    for (const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();;) {
      const { value, done } = await reader.read();
      if (done) break;
      for (const data of lines.take(value)) answer = added(answer, data, passed());
      tell(answer);
    }
    if (answer.state === "running") answer = { ...answer, state: "failed", totalMs: passed(), error: gone("serving.cut", "The answer ended before its end. Is the server running? What came until then is shown.") };
  } catch (error) {
    answer = { ...answer, totalMs: passed(), state: signal.aborted ? "cancelled" : "failed", error: signal.aborted ? null : error };
  }
  tell(answer);
  return answer;
}

async function refused(response: Response): Promise<ApiError> {
  const body = await response.json().catch(() => null) as { error?: { message?: string; code?: string } } | null;
  const error = gone(body?.error?.code ?? "http.error", body?.error?.message ?? `The server answered ${response.status} without saying why.`, response.status);
  error.problem.trace_id = response.headers.get("x-trace-id");
  return error;
}

function gone(code: string, detail: string, status = 0): ApiError {
  return new ApiError(status, { type: "about:blank", title: "No answer", status, code, detail, trace_id: null, errors: [] });
}
