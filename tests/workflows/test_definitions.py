"""Configurations over HTTP: applied, exported, tried, revised, retired; and what is wrong with them."""

import jsonschema
import pytest
from inline_snapshot import snapshot

from camel_ext.workflows.language import read_source
from tests.workflows.conftest import AGENTS, FILES, MODELS, WORKFLOWS, Json, Stage

PATH = "/api/v1/configurations"


async def changes(stage: Stage, **body: object) -> dict[str, str]:
    answer = await stage.client.put(PATH, json={"name": "main", **body})
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return {f"{c['kind']} {c['name']}": c["change"] for c in told["changes"]}


class TestApplying:
    async def test_the_same_files_change_nothing(self, stage: Stage) -> None:
        first = (await stage.client.get(f"{PATH}/main")).json()
        assert set((await changes(stage, files=FILES)).values()) == {"unchanged"}
        assert (await stage.client.get(f"{PATH}/main")).json() == first
        assert first["revision"] == 1

    async def test_the_same_files_come_back_comments_and_all(self, stage: Stage) -> None:
        answer = await stage.client.get(f"{PATH}/main")
        assert answer.json()["files"] == FILES
        assert answer.headers["etag"] == '"1"'

    async def test_a_comment_is_a_revision_and_no_version(self, stage: Stage) -> None:
        before = (await stage.client.get("/api/v1/agents")).json()
        told = await changes(stage, files={"agents.yaml": AGENTS + "# more\n"})
        assert set(told.values()) == {"unchanged"}
        assert (await stage.client.get(f"{PATH}/main")).json()["revision"] == 2
        assert (await stage.client.get("/api/v1/agents")).json() == before

    async def test_a_change_is_a_version_that_new_runs_take(self, stage: Stage) -> None:
        old = await stage.start("talk", single_step=True)
        await stage.until(old["id"], "waiting")
        told = await changes(stage, files={"agents.yaml": AGENTS.replace("You talk.", "You sing.")})
        assert {name for name, change in told.items() if change == "changed"} == {"agent talker"}
        new = await stage.until((await stage.start("talk"))["id"], "succeeded")
        await stage.do(old["id"], "resume", {"single_step": False})
        await stage.until(old["id"], "succeeded")
        systems = [call.messages[0]["content"] for call in stage.engine.calls]
        assert systems == ["You talk."] + ["You sing."] * 3 + ["You talk."] * 2
        assert new["resolved"]["agents"] != old["resolved"]["agents"]

    async def test_what_left_its_files_is_retired_and_comes_back(self, stage: Stage) -> None:
        fewer = AGENTS.replace(
            "  keeper: {model: small, system: You keep in mind., memory: run}\n", ""
        )
        flows = WORKFLOWS[: WORKFLOWS.index("  rounds:")] + WORKFLOWS[WORKFLOWS.index("  best:") :]
        told = await changes(stage, files={"agents.yaml": fewer, "workflows.yaml": flows})
        gone = {name for name, change in told.items() if change == "retired"}
        assert gone == {"agent keeper", "workflow rounds"}
        answer = await stage.client.post("/api/v1/runs", json={"workflow": "rounds"})
        assert answer.status_code == 404
        told = await changes(stage, files=FILES)
        assert {name for name, change in told.items() if change == "added"} == gone
        await stage.until((await stage.start("rounds"))["id"], "succeeded")

    async def test_a_dry_run_leaves_nothing(self, stage: Stage) -> None:
        files = {"agents.yaml": AGENTS + "  extra: {model: small}\n"}
        told = await changes(stage, files=files, dry_run=True)
        assert told["agent extra"] == "added"
        assert (await stage.client.get(f"{PATH}/main")).json()["revision"] == 1
        names = [each["name"] for each in (await stage.client.get("/api/v1/agents")).json()]
        assert "extra" not in names

    async def test_another_configuration_keeps_its_names(self, stage: Stage) -> None:
        body = {"name": "second", "files": {"agents.yaml": "agents:\n  talker: {model: small}\n"}}
        answer = await stage.client.put(PATH, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "workflows.name_in_use")
        assert [c["name"] for c in (await stage.client.get(PATH)).json()] == ["main"]

    async def test_for_another_revision(self, stage: Stage) -> None:
        body = {"name": "main", "files": {"agents.yaml": AGENTS + "# x\n"}}
        stale = await stage.client.put(PATH, json=body, headers={"If-Match": '"7"'})
        assert stale.status_code == 412
        right = await stage.client.put(PATH, json=body, headers={"If-Match": '"1"'})
        assert (right.status_code, right.headers["etag"]) == (200, '"2"')

    async def test_the_feed_hears_of_it_once(self, stage: Stage) -> None:
        await changes(stage, files=FILES)
        applied = "workflows.configuration.applied"
        events = await stage.house.told("workflows.configuration", applied)
        assert [each["payload"] for each in events] == snapshot([{"name": "main", "revision": 1}])


class TestRefusing:
    async def refused(self, stage: Stage, files: Json) -> Json:
        answer = await stage.client.put(PATH, json={"name": "main", "files": files})
        assert answer.status_code == 422, answer.text
        problem: Json = answer.json()
        assert (await stage.client.get(f"{PATH}/main")).json()["revision"] == 1
        return problem

    async def test_malformed_yaml(self, stage: Stage) -> None:
        problem = await self.refused(stage, {"agents.yaml": "agents:\n  a: {model: small\n"})
        assert problem["errors"][0]["file"] == "agents.yaml"
        assert problem["errors"][0]["line"] >= 2

    async def test_unknown_names_are_all_told_with_their_place(self, stage: Stage) -> None:
        files = {
            "agents.yaml": "agents:\n  talker: {model: smal, tools: [pyton]}\n",
            "workflows.yaml": "workflows:\n  w:\n    steps:\n"
            "      - {name: a, agent: taler, prompt: x}\n      - {name: b, verify: exakt}\n",
        }
        problem = await self.refused(stage, files)
        told = {(each["file"], each["line"]) for each in problem["errors"]}
        assert told >= {("agents.yaml", 2), ("workflows.yaml", 4), ("workflows.yaml", 5)}
        for word in ("smal", "pyton", "taler", "exakt"):
            assert word in problem["detail"]

    async def test_a_template_and_a_condition_that_cannot_be_read(self, stage: Stage) -> None:
        flows = (
            "workflows:\n  w:\n    steps:\n      - name: l\n"
            "        loop: {max_rounds: 2, until: 'steps. ==='}\n        steps:\n"
            "          - {name: a, agent: talker, prompt: '{{ oops'}\n"
        )
        problem = await self.refused(stage, {"workflows.yaml": flows})
        assert len(problem["errors"]) >= 2

    async def test_a_loop_without_a_bound(self, stage: Stage) -> None:
        flows = (
            "workflows:\n  w:\n    steps:\n      - name: l\n        loop: {until: 'false'}\n"
            "        steps:\n          - {name: a, agent: talker, prompt: x}\n"
        )
        problem = await self.refused(stage, {"workflows.yaml": flows})
        assert "max_rounds" in problem["detail"]

    async def test_other_files_and_none(self, stage: Stage) -> None:
        for files in ({}, {"secrets.yaml": "x: 1"}):
            answer = await stage.client.put(PATH, json={"name": "main", "files": files})
            assert answer.status_code == 422

    async def test_an_alias_of_an_unknown_model(self, stage: Stage) -> None:
        text = MODELS.replace("small: scripted", "small: scriptd")
        problem = await self.refused(stage, {"models.yaml": text})
        assert "scriptd" in problem["detail"]

    async def test_no_such_configuration(self, stage: Stage) -> None:
        answer = await stage.client.get(f"{PATH}/nowhere")
        assert (answer.status_code, answer.json()["code"]) == (
            404, "workflows.configuration_unknown",
        )  # fmt: skip


class TestRevisions:
    async def test_they_are_listed_newest_first_with_what_changed(self, stage: Stage) -> None:
        await changes(stage, files={"agents.yaml": AGENTS + "# two\n"})
        await changes(stage, files={"agents.yaml": AGENTS, "models.yaml": MODELS + "# three\n"})
        page = (await stage.client.get(f"{PATH}/main/revisions", params={"limit": 2})).json()
        told = [(each["revision"], each["changed"]) for each in page["items"]]
        assert told == [(3, ["agents.yaml", "models.yaml"]), (2, ["agents.yaml"])]
        rest = await stage.client.get(
            f"{PATH}/main/revisions", params={"before": page["next_before"]}
        )
        assert rest.json()["next_before"] is None
        assert [(each["revision"], each["changed"]) for each in rest.json()["items"]] == [
            (1, sorted(FILES))
        ]
        second = (await stage.client.get(f"{PATH}/main/revisions/2")).json()
        assert second["files"] == FILES | {"agents.yaml": AGENTS + "# two\n"}

    async def test_one_is_restored_as_a_new_one_with_its_text(self, stage: Stage) -> None:
        sung = AGENTS.replace("You talk.", "You sing.")
        await changes(stage, files={"agents.yaml": sung})
        place = f"{PATH}/main/revisions/1/restore"
        tried = (await stage.client.post(place, json={"dry_run": True})).json()
        assert (tried["revision"], tried["dry_run"]) == (2, True)
        stale = await stage.client.post(place, json={}, headers={"If-Match": '"1"'})
        assert stale.status_code == 412
        done = await stage.client.post(place, json={}, headers={"If-Match": '"2"'})
        assert (done.json()["revision"], done.headers["etag"]) == (3, '"3"')
        changed = {each["name"] for each in done.json()["changes"] if each["change"] == "changed"}
        assert changed == {"talker"}
        assert (await stage.client.get(f"{PATH}/main")).json()["files"] == FILES

    async def test_a_file_that_came_later_is_emptied(self, stage: Stage) -> None:
        body = {"name": "second", "files": {"agents.yaml": "agents:\n  one: {model: small}\n"}}
        assert (await stage.client.put(PATH, json=body)).status_code == 200
        flow = "workflows:\n  more:\n    steps: [{name: a, agent: one, prompt: x}]\n"
        await changes(stage, name="second", files={"workflows.yaml": flow})
        done = await stage.client.post(f"{PATH}/second/revisions/1/restore", json={})
        assert ("more", "retired") in {(e["name"], e["change"]) for e in done.json()["changes"]}
        files = (await stage.client.get(f"{PATH}/second")).json()["files"]
        assert files == body["files"] | {"workflows.yaml": ""}  # type: ignore[operator]

    async def test_what_is_not_there(self, stage: Stage) -> None:
        for path, code in (
            ("nowhere/revisions", "configuration_unknown"),
            ("main/revisions/9", "revision_unknown"),
            ("nowhere/revisions/1", "configuration_unknown"),
        ):
            answer = await stage.client.get(f"{PATH}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, f"workflows.{code}")
        gone = await stage.client.post(f"{PATH}/main/revisions/9/restore", json={})
        assert gone.json()["code"] == "workflows.revision_unknown"


async def test_editors_get_a_schema_of_each_file(stage: Stage) -> None:
    schemas = (await stage.client.get("/api/v1/configuration-schemas")).json()
    assert set(schemas) == set(FILES)
    for name, text in FILES.items():
        jsonschema.validate(read_source(name, text).data, schemas[name])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"agents": {"a": {"modle": "x"}}}, schemas["agents.yaml"])


async def test_warnings_say_their_place(stage: Stage) -> None:
    flow = (
        "workflows:\n  more:\n    inputs: {never: {type: string, default: x}}\n"
        "    steps: [{name: a, agent: talker, prompt: x}]\n"
    )
    body = {"name": "second", "files": {"workflows.yaml": flow}, "dry_run": True}
    told = (await stage.client.put(PATH, json=body)).json()
    (warning,) = told["problems"]
    assert (warning["file"], warning["line"], warning["severity"]) == (
        "workflows.yaml", 3, "warning",
    )  # fmt: skip
    assert warning["field"] == "workflows.more.inputs.never"
    assert len(told["warnings"]) == 1
