"""The same calls as spans: OTLP bodies, as an exporter would send them, in Phoenix's own environment.

Reads a file of JSON lines; writes bodies of so many spans each, every one behind its length. It measures
nothing.

    phoenix_spans.py CALLS BODIES --batch 500
"""

import argparse
import json
import os
import time
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def span(call: dict) -> Span:
    """One call of a model, by OpenInference's names."""
    said = call["request"]["messages"]
    answer = call["response"]["choices"][0]["message"]
    usage = call["response"]["usage"]
    words = {
        "openinference.span.kind": "LLM",
        "llm.model_name": call["model"],
        "llm.invocation_parameters": json.dumps({"temperature": 0.7}),
        "llm.output_messages.0.message.role": answer["role"],
        "llm.output_messages.0.message.content": answer["content"],
        "session.id": call["session"],
    }
    for place, message in enumerate(said):
        words[f"llm.input_messages.{place}.message.role"] = message["role"]
        words[f"llm.input_messages.{place}.message.content"] = message["content"]
    counts = {
        "llm.token_count.prompt": usage["prompt_tokens"],
        "llm.token_count.completion": usage["completion_tokens"],
    }
    now_ns = time.time_ns()
    return Span(
        trace_id=os.urandom(16), span_id=os.urandom(8), name="ChatCompletion",
        kind=Span.SPAN_KIND_CLIENT, start_time_unix_nano=now_ns - 20_000_000,
        end_time_unix_nano=now_ns,
        attributes=[
            *(KeyValue(key=k, value=AnyValue(string_value=v)) for k, v in words.items()),
            *(KeyValue(key=k, value=AnyValue(int_value=v)) for k, v in counts.items()),
        ],
    )  # fmt: skip


def main() -> None:
    """Write the bodies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", type=Path)
    parser.add_argument("bodies", type=Path)
    parser.add_argument("--batch", type=int, default=500)
    options = parser.parse_args()
    calls = [json.loads(line) for line in options.calls.read_text().splitlines()]
    with options.bodies.open("wb") as file:
        for start in range(0, len(calls), options.batch):
            made = ExportTraceServiceRequest()
            scope = made.resource_spans.add().scope_spans.add()
            scope.spans.extend(map(span, calls[start : start + options.batch]))
            body = made.SerializeToString()
            file.write(len(body).to_bytes(4, "big") + body)


if __name__ == "__main__":
    main()
