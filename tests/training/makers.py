"""What a training needs: a base in the registry with its file, and a frozen dataset version."""

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from camel_ext.core.models import State
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.datasets import DatasetVersion, Origin, Pair, PairSource, Split, pair_hash
from camel_ext.datasets.pair import ContentHasher
from camel_ext.datasets.reading import write_pairs
from camel_ext.datasets.versions import add_version
from camel_ext.identity import Actor, PrincipalKind, Role
from camel_ext.registry import LocalEntry, create_alias, register_model
from camel_ext.registry.models import ModelVersion
from camel_ext.training import TrainingJob, TrainingStart, start_training
from tests.fakes.gguf import Tensor, gguf_bytes

BASE_FIELDS: dict[str, str | float | int] = {"general.architecture": "llama"}


def make_pair(number: int, split: Split = Split.TRAIN, topic: str = "animals") -> Pair:
    """A pair whose better answer is the shorter one."""
    prompt = [{"role": "user", "content": f"Say number {number} briefly."}]
    chosen = [{"role": "assistant", "content": f"Number {number}."}]
    rejected = [{"role": "assistant", "content": f"Well, number {number} is a number, and so on."}]
    return Pair(
        pair_hash=pair_hash(prompt, None, chosen, rejected), prompt_hash=f"p{number}",
        prompt=prompt, tools=None, chosen=chosen, rejected=rejected, split=split, topic=topic,
        source=PairSource.SCORES, margin=0.5, chosen_score=1.0, rejected_score=0.5,
    )  # fmt: skip


def add_dataset(
    db: Session, runtime: Runtime, pairs: list[Pair], name: str = "brevity-pairs"
) -> DatasetVersion:
    """A frozen version of these pairs."""
    version = add_version(
        db, runtime.clock, runtime.new_id, runtime.new_id(), name, Origin.IMPORTED,
        parent_id=None, wanted=None, given_ids=None, at_most=0, rules={}, exclude_runs=[],
        exclude_judges=[],
    )  # fmt: skip
    write_pairs(db, version.id, 0, pairs)
    hasher = ContentHasher()
    for pair in pairs:
        hasher.add(pair)
    version.content_hash = hasher.content_hash
    version.pairs_train = sum(pair.split is Split.TRAIN for pair in pairs)
    version.pairs_eval = len(pairs) - version.pairs_train
    version.statistics = {
        "topics": 1, "prompts": len(pairs), "sources": {"scores": len(pairs)},
        "judges": {"length | <b>": len(pairs)},
    }  # fmt: skip
    version.state, version.finished_at = State.SUCCEEDED, runtime.clock.now()
    db.flush()
    return version


def actor_of(runtime: Runtime, tenant: Tenant) -> Actor:
    """An owner of the tenant."""
    return Actor(
        tenant, runtime.new_id(), runtime.new_id(), "owner", PrincipalKind.USER, Role.OWNER
    )


def write_base(models_dir: Path, name: str = "base.gguf") -> Path:
    """A GGUF that has a good header and nothing that could be trained."""
    models_dir.mkdir(parents=True, exist_ok=True)
    path = models_dir / name
    path.write_bytes(gguf_bytes(BASE_FIELDS, {"token_embd.weight": Tensor((4, 1), [0.0] * 4)}))
    return path


def add_base(db: Session, runtime: Runtime, actor: Actor, name: str = "base") -> ModelVersion:
    """A local model `base` of the file base.gguf, and the alias `small` for it."""
    entry = LocalEntry(engine="local", file="base.gguf")
    version = register_model(db, runtime.clock, runtime.new_id, actor, name, entry)
    shares = [{"version_id": str(version.id), "weight": 1.0}]
    create_alias(
        db, runtime.clock, runtime.new_id, actor.principal_id, "small", shares, reason="test"
    )
    return version


def add_training(db: Session, runtime: Runtime, **wanted: Any) -> TrainingJob:
    """A queued training of the base on the pairs."""
    said = {"name": "brevity", "base": "base", "dataset": "brevity-pairs", "preset": "quick"}
    start = TrainingStart.model_validate({**said, **wanted})
    return start_training(db, runtime.clock, runtime.new_id, runtime.new_id(), start)
