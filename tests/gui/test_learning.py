"""Training and Compare versions, on a platform that improved a workflow: curves, verdict, certificate."""

from collections.abc import Iterator

import pytest
from camel_ext_client import Client

from camel_ext.training.process import yard_of
from camel_ext.training.spec import EXIT_FAILED
from tests.cli.conftest import Served
from tests.experiments.conftest import FILES, answering, brief, config
from tests.fakes.launcher import Act, FakeLauncher, failed, steps
from tests.gui.conftest import Open, key_of, press, said, wait_for
from tests.training.makers import write_base

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def launcher(served: Served) -> Iterator[FakeLauncher]:
    """The trainers of a platform on which a workflow was improved once."""
    assert served.runtime is not None
    yard = yard_of(served.runtime)
    made = FakeLauncher()
    before, yard.launcher = yard.launcher, made
    write_base(yard.models_dir)
    served.engine.answer = answering(brief)
    with Client(served.url, key_of(served)) as client:
        client.configurations.apply(FILES)
        started = client.improvements.start("answer", config(), seed=1)

        def ended() -> bool:
            return client.improvements.get(started["id"])["state"] in ("succeeded", "failed")

        wait_for(ended, tries=1200)
        assert client.improvements.get(started["id"])["verdict"] == "better"
    yield made
    yard.launcher = before


def test_before_there_is_anything(open_page: Open) -> None:
    assert "No dataset yet. 100 judgements would give about 84 pairs." in said(
        open_page("training")
    )
    page = open_page("compare")
    assert "Nothing to compare." in said(page)
    assert "No verdict yet. It needs a candidate and held-out goals." in said(page)


@pytest.mark.usefixtures("launcher")
class TestCompare:
    def test_the_verdict_has_its_interval_and_n(self, open_page: Open, client: Client) -> None:
        page = open_page("compare")
        found = client.comparisons.list()["items"][0]
        text = said(page)
        assert "↗ Better" in text
        assert f"interval +{100 * found['low']:.1f} to +{100 * found['high']:.1f}" in text
        assert f"n = {found['n']}" in text
        figures = {each.label: each.value for each in page.metric}
        assert figures["Fixed"] == str(found["result"]["fixed"])

    def test_cases_are_sorted_by_what_changed(self, open_page: Open, client: Client) -> None:
        page = open_page("compare")
        found = client.comparisons.list()["items"][0]["result"]
        page.segmented_control[0].set_value(f"fixed {found['fixed']}").run()
        cases = next(each.value for each in page.dataframe if "case" in each.value)
        assert len(cases) == found["fixed"]
        assert set(cases["change"]) == {"fixed"}
        assert cases.iloc[0]["after"].startswith("Brief")

    def test_two_evaluations_are_compared_here(self, open_page: Open, client: Client) -> None:
        before = len(client.comparisons.list()["items"])
        page = open_page("compare")
        press(page, "Compare")
        made = client.comparisons.list()["items"]
        assert len(made) == before + 1
        assert page.query_params["comparison"] in (made[0]["id"], [made[0]["id"]])

    def test_a_certificate_says_who_decided_and_on_what(
        self, open_page: Open, client: Client
    ) -> None:
        text = said(open_page("compare"))
        found = client.certificates.get(client.certificates.list()["items"][0]["id"])
        assert f"promotion by {found['decision']['decided_by']}" in text
        assert found["content_hash"] in text
        assert f"candidate: {found['candidate']['target']}" in text


class TestTraining:
    def test_curves_of_a_finished_one(
        self, open_page: Open, client: Client, launcher: FakeLauncher
    ) -> None:
        job = client.trainings.list()["items"][0]
        page = open_page("training", job=job["id"])
        assert {each.label: each.value for each in page.metric}["Step"] == "3 of 3"
        assert any("Margin, nats: " in each.value for each in page.caption)
        assert len(page.get("vega_lite_chart")) == 6

    def test_it_is_started_here_and_fails_with_words(
        self, open_page: Open, client: Client, launcher: FakeLauncher
    ) -> None:
        launcher.acts = [
            Act(
                events=[*steps(1, 2, 4), failed("training.diverged", "The loss is no number.")],
                code=EXIT_FAILED,
                result=False,
            )
        ]
        page = open_page("training")
        page.selectbox[0].set_value("quick").run()
        [name] = page.text_input
        name.set_value("short")
        press(page, "Train with the quick preset")
        wait_for(lambda: client.trainings.list()["items"][0]["state"] == "failed")
        page.run()
        assert "The training failed." in said(page)
        assert "The loss is no number." in said(page)
        assert "Go on from the checkpoint" in [each.label for each in page.button]

    def test_a_name_that_cannot_be_is_refused_in_words(
        self, open_page: Open, launcher: FakeLauncher
    ) -> None:
        page = open_page("training")
        page.selectbox[0].set_value("quick").run()
        press(page, "Train with the quick preset")
        assert page.error[0].value == "The server did not do it."
