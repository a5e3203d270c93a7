"""The certificate as a page and as Markdown: what it says, and that no text of others can act in it."""

import re
from html.parser import HTMLParser

import pytest

from camel_ext.experiments import charts
from camel_ext.experiments.rendering import as_html, as_markdown, luck, story
from tests.experiments.examples import shown

VOID = {"meta", "br", "img", "input", "link"}


class Outline(HTMLParser):
    """Notes tags in order and complains about what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_the_page_stands_alone_and_nothing_in_it_runs() -> None:
    page = as_html(shown())
    found = outline(page)
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(found.seen)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    outside = [value for name, value in found.attributes if name in ("src", "href")]
    assert outside == []
    assert "default-src 'none'" in page
    assert "url(" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_follows_light_and_dark_and_prints() -> None:
    page = as_html(shown())
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


@pytest.mark.parametrize("verdict", ["better", "not_worse", "worse", "inconclusive"])
def test_every_verdict_has_its_page(verdict: str) -> None:
    for decision in (shown()["decision"], None):
        page = as_html(shown(verdict=verdict, decision=decision, guardrails=[], p=None))
        outline(page)
        assert as_markdown(shown(verdict=verdict, decision=decision))


def test_markdown_says_the_same_and_text_of_others_means_nothing_in_it() -> None:
    text = as_markdown(shown())
    assert text.startswith("# C-0007: is smollm2/brief@2 better than smollm2@1?\n")
    assert "**Better: +47.5 points**, 97 % interval +36.7 to +58.3, n = 120 goals" in text
    assert "| keeps to the question | 81.0 % | 80.2 % | \u22124.6 | \u22125 | held |" in text
    assert "| latency | 1.92 s | 1.31 s | \u22120.48 s | +0.20 s | held |" in text
    assert "camel-ext rollback brief" in text
    assert "<img" not in text
    rows = [line for line in text.splitlines() if line.startswith("| What is a")]
    assert rows == [
        r"| What is a &lt;b&gt;river&lt;/b&gt;? \| \`x\` | A river is a stream. | "
        r"&lt;img src=x onerror=alert(1)&gt; \| next |"
    ]


def test_the_story_is_plain() -> None:
    assert story(shown()) == (
        "On 120 goals that training never saw, writer answers in one sentence of at most 15 words "
        "88 times with the adapter, 31 times without. 61 goals fixed, 4 broken."
    )
    assert luck(shown()).endswith("less than once in a billion tries.")
    assert luck(shown(p=0.0004)).endswith("about once in 2,500 tries.")


def test_doubt_is_said() -> None:
    open_verdict = shown(
        verdict="inconclusive", effect=0.05, interval=[-0.06, 0.16], about_n_more=312
    )
    assert luck(open_verdict).endswith("About 310 more goals would tell.")
    assert "Inconclusive, about 310 more" in as_markdown(open_verdict)


def test_a_gain_with_a_guardrail_that_is_not_held_is_called_that() -> None:
    lost = [{**shown()["guardrails"][0], "held": False}]
    said = luck(shown(verdict="inconclusive", guardrails=lost))
    assert said == "The gain is real, but these are not shown to have held: keeps to the question."


def test_a_decision_taken_back_offers_no_way_back() -> None:
    undone = {**shown()["decision"], "rolled_back_at": "2026-11-22T12:00:00+00:00"}
    text = as_markdown(shown(decision=undone))
    assert "rolled back 22 Nov 2026, 12:00 UTC" in text
    assert "camel-ext rollback" not in text


def test_intervals_are_drawn_to_scale() -> None:
    drawn = charts.interval(-0.1, 0.0, 0.1, 0.0, "open")
    caps = re.findall(r'x1="([\d.]+)"[^>]*class="cap"', drawn)
    (point,) = re.findall(r'cx="([\d.]+)"', drawn)
    assert float(point) == pytest.approx((float(caps[0]) + float(caps[1])) / 2, abs=0.11)


@pytest.mark.parametrize(("share", "said"), [(0.475, "+47.5"), (-0.05, "\u22125"), (0.0, "0"),
                                             (0.0004, "0"), (1.0, "+100")])  # fmt: skip
def test_points_have_a_true_sign(share: float, said: str) -> None:
    assert charts.points(share) == said


def test_empty_charts_are_no_error() -> None:
    assert charts.curve([], "Margin") == ""
    assert "Of 0 topics" in charts.by_topic([])
