"""Model cards: what an adapter was made from, how, and what was seen on the way, in Markdown.

Written from rows and nothing else, so that it says no more than is known. Whether the adapter is any
better than its base it does not say: an evaluation does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from camel_ext.training.hyper import BY_NAME
from camel_ext.training.models import TrainingJob, TrainingMetric

Json = Mapping[str, Any]
LOSSES: Final = {"sigmoid": "DPO", "ipo": "IPO", "kto": "KTO"}
CURVE_POINTS: Final = 10


@dataclass(frozen=True, slots=True)
class Lineage:
    """What the card tells besides the training's own row."""

    base_hash: str
    base_sha256: str
    dataset: Json
    steps: Sequence[TrainingMetric]
    looks: Sequence[TrainingMetric]
    files: Json
    result: Json


def write_card(training: TrainingJob, lineage: Lineage) -> str:
    """Return the card of a training's adapter."""
    return "\n".join(_lines(training, lineage)) + "\n"


def _lines(training: TrainingJob, lineage: Lineage) -> Iterator[str]:
    loss = LOSSES.get(str(training.hyper["loss"]), str(training.hyper["loss"]))
    name = f"{training.base.partition('@')[0]}/{training.name}"
    yield from (
        "---",
        f"base_model: {training.base.partition('@')[0]}",
        "library_name: peft",
        f"tags: [lora, trl, {loss.lower()}]",
        "---",
        "",
        f"# {name}",
        "",
        f"A LoRA adapter for `{training.base}`, trained with {loss} on the preference pairs "
        f"`{training.dataset}`.",
        "Whether it is better than its base is not said here: that takes an evaluation on goals it "
        "never saw.",
        "",
    )
    yield from _made_from(training, lineage)
    yield from _how(training)
    yield from _seen(training, lineage)
    yield from _files(lineage)
    yield from _use(name)


def _made_from(training: TrainingJob, lineage: Lineage) -> Iterator[str]:
    data, result = lineage.dataset, lineage.result
    yield "## Made from"
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield f"| base | `{training.base}`, `{lineage.base_hash}` |"
    yield f"| its file | `sha256:{lineage.base_sha256}` |"
    yield f"| pairs | `{training.dataset}`, `{training.dataset_hash}` |"
    trained, held = result.get("pairs"), result.get("held_out")
    yield f"| of them | {trained} learnt from, {held} held out |"
    if data.get("topics"):
        yield f"| topics | {data['topics']} |"
    if data.get("prompts"):
        yield f"| prompts | {data['prompts']} |"
    if data.get("sources"):
        yield f"| preferred by | {_counts(data['sources'])} |"
    if data.get("judges"):
        yield f"| judges | {_counts(data['judges'])} |"
    yield f"| spec | `{training.spec_hash}` |"
    yield f"| training | `{training.id}` |"
    yield ""


def _how(training: TrainingJob) -> Iterator[str]:
    yield f"## How (preset `{training.preset}`, seed {training.seed})"
    yield ""
    yield "| | value | usual | |"
    yield "|---|--:|--:|---|"
    for name, value in training.hyper.items():
        known = BY_NAME.get(name)
        usual = _plain(known.default) if known else ""
        unit = known.unit if known else ""
        yield f"| `{name}` | {_plain(value)} | {usual} | {unit} |"
    yield ""


def _seen(training: TrainingJob, lineage: Lineage) -> Iterator[str]:
    yield "## Seen on the way"
    yield ""
    yield "| step | loss | margin | accuracy | chosen log-prob | rejected log-prob |"
    yield "|--:|--:|--:|--:|--:|--:|"
    for point in _some(lineage.steps):
        names = ("loss", "margin", "accuracy", "chosen_logps", "rejected_logps")
        cells = " | ".join(_number(point.values.get(each)) for each in names)
        yield f"| {point.step} | {cells} |"
    yield ""
    if lineage.looks:
        last = lineage.looks[-1]
        what = "held-out" if last.values.get("split", "eval") == "eval" else "learnt"
        said = ", ".join(
            f"{each} {_number(last.values.get(each))}" for each in ("loss", "margin", "accuracy")
        )
        yield f"On the {what} pairs, after step {last.step}: {said}."
        yield ""
    for alarm in training.alarms:
        yield f"- Alarm `{alarm['code']}`: {alarm['words']}"
    if training.alarms:
        yield ""
    seconds, cpu = lineage.result.get("seconds"), lineage.result.get("cpu_seconds")
    yield (
        f"{lineage.result.get('steps')} updates in {_number(seconds)} s ({_number(cpu)} CPU-s), "
        f"{lineage.result.get('parameters')} trained parameters, computed in "
        f"{lineage.result.get('dtype')}."
    )
    yield ""


def _files(lineage: Lineage) -> Iterator[str]:
    yield "## Files"
    yield ""
    yield "| file | bytes | sha256 |"
    yield "|---|--:|---|"
    for name, facts in lineage.files.items():
        yield f"| `{name}` | {facts['size_bytes']} | `{facts['sha256']}` |"
    yield ""


def _use(name: str) -> Iterator[str]:
    yield "## Use"
    yield ""
    yield (
        f"Here: point an alias at `{name}`. Elsewhere: `adapter_model.safetensors` with PEFT, "
        "`adapter.gguf` with llama.cpp, in both cases on this very base."
    )


def _some(points: Sequence[TrainingMetric]) -> Sequence[TrainingMetric]:
    """Return the first, the last and some between, evenly."""
    if len(points) <= CURVE_POINTS:
        return points
    last = len(points) - 1
    return [points[round(index * last / (CURVE_POINTS - 1))] for index in range(CURVE_POINTS)]


def _counts(found: Json) -> str:
    return ", ".join(f"{_cell(str(name))}: {count}" for name, count in found.items())


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "-"


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else _cell(str(value))


def _cell(text: str) -> str:
    """Keep a name of somebody else's from leaving its cell."""
    return " ".join(text.replace("|", "/").replace("`", "'").replace("<", "(").split())[:120]
