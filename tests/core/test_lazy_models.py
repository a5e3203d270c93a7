"""Models are built when first used: by whom, and by how many at once, makes no difference."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from pydantic import BaseModel, create_model

import camel_ext.core.lazy_models  # noqa: F401

THREADS = 8
START = """
from pydantic import BaseModel
import camel_ext.app
camel_ext.app.create_app()
todo, models = [BaseModel], set()
while todo:
    found = todo.pop().__subclasses__()
    models |= set(found)
    todo += found
print(len(models), sum(each.__pydantic_complete__ for each in models))
"""


def test_many_threads_may_need_the_same_model_first() -> None:
    ready = Barrier(THREADS)

    def use(models: list[type[BaseModel]]) -> int:
        ready.wait()
        return sum(
            model.model_validate({"a": n}).model_dump()["a"] for n, model in enumerate(models)
        )

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(20):
            models = [create_model(f"M{n}", a=(int, ...)) for n in range(10)]
            assert not any(model.__pydantic_complete__ for model in models)
            assert set(pool.map(use, [models] * THREADS)) == {sum(range(10))}


def test_a_start_builds_few() -> None:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    every, built = map(int, done.stdout.split())
    assert every > 200
    assert built <= 60  # settings, and what files are checked with while modules are imported
