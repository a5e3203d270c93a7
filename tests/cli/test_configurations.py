"""`apply`, `export`, `agents`, `workflows`, `models`, `keys`, over a real server."""

from pathlib import Path

import pytest

from camel_ext.serving import serving_of
from tests.cli.conftest import FILES, Camel, Served, error, shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


class TestApply:
    def test_the_same_files_again_change_nothing(self, camel: Camel, folder: Path) -> None:
        result = camel("apply", "-f", str(folder))
        assert result.exit_code == 0
        assert "= 5 unchanged" in result.stdout
        assert "+" not in result.stdout

    def test_a_check_says_what_would_change_and_writes_nothing(
        self, camel: Camel, folder: Path
    ) -> None:
        agents = FILES["agents.yaml"].replace("You write.", "You sing.")
        (folder / "agents.yaml").write_text(agents + "  reader: {model: small}\n")
        text = camel("apply", "-f", str(folder), "--dry-run").stdout
        assert "~ agent    writer  changed" in text
        assert "+ agent    reader  added" in text
        assert "nothing was written" in text
        assert [each["name"] for each in shown(camel("agents", "--json"))] == ["writer"]

    def test_one_file_alone_may_be_applied(self, camel: Camel, folder: Path) -> None:
        assert camel("apply", "-f", str(folder / "agents.yaml")).exit_code == 0

    def test_problems_are_shown_at_their_place(self, camel: Camel, folder: Path) -> None:
        (folder / "agents.yaml").write_text("agents:\n  writer:\n    models: small\n")
        result = camel("apply", "-f", str(folder))
        assert result.exit_code == 2
        assert f"{folder}/agents.yaml:3:5" in result.stderr
        assert "3 │     models: small" in result.stderr
        assert "Did you mean `model`?" in result.stderr
        assert "so nothing was changed" in result.stderr

    def test_problems_are_data_for_machines(self, camel: Camel, folder: Path) -> None:
        (folder / "workflows.yaml").write_text("workflows: {w: {steps: [}}\n")
        found = error(camel("apply", "-f", str(folder), "--json"))
        assert found["exit_code"] == 2
        assert found["errors"][0]["file"] == "workflows.yaml"
        assert found["errors"][0]["line"] == 1

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("agents.yaml", "agents: {writer: {model: nobody}}", "nobody"),
            ("agents.yaml", "agents: {writer: {model: small, tools: [hammer]}}", "hammer"),
            (
                "workflows.yaml",
                "workflows: {w: {steps: [{name: a, agent: writer, prompt: '{{ oops'}]}}",
                "workflows.yaml:1:",
            ),
            (
                "workflows.yaml",
                "workflows: {w: {steps: [{name: a, loop: {until: 'false'}, steps: "
                "[{name: b, agent: writer, prompt: x}]}]}}",
                "max_rounds",
            ),
        ],
    )
    def test_each_kind_of_mistake_has_its_sentence(
        self, camel: Camel, folder: Path, name: str, text: str, words: str
    ) -> None:
        (folder / name).write_text(text)
        result = camel("apply", "-f", str(folder))
        assert result.exit_code == 2
        assert words in result.stderr
        assert "Traceback" not in result.output

    def test_a_folder_that_is_not_there(self, camel: Camel) -> None:
        result = camel("apply", "-f", "/no/such/folder")
        assert result.exit_code == 2
        assert "There is no /no/such/folder" in result.stderr

    def test_a_folder_without_any_of_the_files(self, camel: Camel, tmp_path: Path) -> None:
        (tmp_path / "agents.yml").write_text("agents: {}")
        result = camel("apply", "-f", str(tmp_path))
        assert result.exit_code == 2
        assert "agents.yml must be called agents.yaml" in result.stderr

    def test_a_file_that_is_no_text(self, camel: Camel, folder: Path) -> None:
        (folder / "agents.yaml").write_bytes(b"agents:\n  x: \xff\n")
        result = camel("apply", "-f", str(folder))
        assert result.exit_code == 2
        assert "agents.yaml:2: this is not UTF-8" in result.stderr

    def test_a_file_of_50_mb_is_refused(self, camel: Camel, folder: Path) -> None:
        (folder / "agents.yaml").write_text("# " + "x" * 50_000_000)
        result = camel("apply", "-f", str(folder))
        assert result.exit_code == 2
        assert "max_body_bytes" in result.stderr


class TestExport:
    def test_files_come_back_byte_for_byte(self, camel: Camel, tmp_path: Path) -> None:
        target = tmp_path / "out"
        assert camel("export", "-o", str(target)).exit_code == 0
        for name, text in FILES.items():
            assert (target / name).read_text() == text
        printed = camel("export", "main", "--file", "models.yaml")
        assert printed.stdout_bytes == FILES["models.yaml"].encode()

    def test_line_ends_of_windows_too(self, camel: Camel, folder: Path) -> None:
        text = "agents:\r\n  windows: {model: small} # kept\r\n"
        (folder / "agents.yaml").write_bytes(text.encode())
        assert camel("apply", "-f", str(folder / "agents.yaml"), "--name", "two").exit_code == 0
        printed = camel("export", "two", "--file", "agents.yaml")
        assert printed.stdout_bytes == text.encode()
        assert camel("export").exit_code == 2  # two now: which one?

    def test_other_files_are_not_overwritten(self, camel: Camel, tmp_path: Path) -> None:
        (tmp_path / "agents.yaml").write_text("mine")
        result = camel("export", "main", "-o", str(tmp_path))
        assert result.exit_code == 6
        assert (tmp_path / "agents.yaml").read_text() == "mine"
        assert not (tmp_path / "models.yaml").exists()
        assert camel("export", "main", "-o", str(tmp_path), "--force").exit_code == 0
        assert (tmp_path / "agents.yaml").read_text() == FILES["agents.yaml"]

    def test_what_is_not_there(self, camel: Camel) -> None:
        assert camel("export", "nothing").exit_code == 5
        assert camel("export", "main", "--file", "nothing.yaml").exit_code == 5


class TestLists:
    def test_agents_and_workflows(self, camel: Camel) -> None:
        assert "Writes a line." in camel("agents").stdout
        assert "goal: string, least: integer" in camel("workflows").stdout
        assert '"system": "You write."' in camel("agents", "writer").stdout
        assert shown(camel("workflows", "twice", "--json"))["kind"] == "workflow"
        assert camel("agents", "nobody").exit_code == 5

    def test_models_and_aliases(self, camel: Camel) -> None:
        assert "bundled" in camel("models").stdout
        assert "tiny@1" in camel("models", "aliases").stdout
        moved = camel("models", "move", "small", "tiny=2", "--reason", "because")
        assert moved.exit_code == 0, moved.output
        assert "because" in camel("models", "aliases", "small").stdout
        assert camel("models", "move", "small", "nothing").exit_code in (2, 5)
        assert camel("models", "move", "small", "tiny=heavy").exit_code == 2
        assert camel("models", "aliases", "nothing").exit_code == 5

    def test_an_owner_has_remembered_answers_forgotten(self, camel: Camel, served: Served) -> None:
        assert served.runtime is not None
        answers = serving_of(served.runtime).answers
        before = answers._changes
        key = camel("keys", "create", "looker", "--role", "editor").stdout.strip()
        assert camel("models", "forget", "--key", key).exit_code == 4
        assert answers._changes == before
        done = camel("models", "forget")
        assert done.exit_code == 0, done.output
        assert "forgotten" in done.stderr
        assert answers._changes > before


class TestKeys:
    def test_made_used_and_revoked(self, camel: Camel) -> None:
        made = camel("keys", "create", "ci", "--role", "viewer", "--expires", "30d")
        assert made.exit_code == 0
        secret = made.stdout.strip()
        assert secret.startswith("cx_")
        assert "shown this once" in made.stderr
        assert "ci" in camel("keys").stdout
        assert camel("runs", "--key", secret).exit_code == 0
        refused = camel("run", "write", "x", "--key", secret)
        assert refused.exit_code == 4
        assert "editor" in refused.stderr
        assert camel("keys", "revoke", "ci").exit_code == 0
        assert camel("runs", "--key", secret).exit_code == 4
        assert camel("keys", "revoke", "ci").exit_code == 5

    def test_a_secret_is_in_no_list(self, camel: Camel) -> None:
        secret = shown(camel("keys", "create", "once", "--json"))["secret"]
        assert secret not in camel("keys", "--json").stdout

    def test_a_time_that_is_none(self, camel: Camel) -> None:
        result = camel("keys", "create", "x", "--expires", "soon")
        assert result.exit_code == 2
        assert "--expires 30d" in result.stderr

    def test_a_wrong_key_is_refused_with_advice(self, camel: Camel, served: Served) -> None:
        result = camel("runs", "--key", "cx_wrong", "--json")
        assert error(result)["code"] == "identity.key_refused"
        assert result.exit_code == 4
