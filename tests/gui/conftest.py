"""The pages as Streamlit runs them, without a browser, against a real server with a scripted engine."""

import time
from collections.abc import Callable, Iterator

import pytest
from camel_ext_client import Client
from camel_ext_gui import launch
from camel_ext_gui.launch import APP, Given
from streamlit.testing.v1 import AppTest

from tests.cli.conftest import Served, served

__all__ = ["served"]
TOKEN = "the-token-of-this-start"
Open = Callable[..., AppTest]


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    """A client of the served platform, as its owner."""
    served.answers.clear()
    with Client(served.url, key_of(served)) as made:
        yield made


def key_of(served: Served) -> str:
    return (served.data_dir / "owner.key").read_text().strip()


@pytest.fixture
def open_page(served: Served) -> Iterator[Open]:
    """Open a page by its path in the address, as `camel-ext gui` would."""
    launch.use(Given(served.url, key_of(served), TOKEN))

    opened: list[AppTest] = []

    def build(page: str = "home", token: str = TOKEN, **query: str) -> AppTest:
        found = AppTest.from_file(str(APP), default_timeout=20)
        opened.append(found)
        found.query_params["token"] = token
        found.run()
        if page != "home":
            found.switch_page(f"screens/{page}.py")
            for name, value in query.items():
                found.query_params[name] = value
            found.run()
        return found

    yield build
    for each in opened:
        if "client" in each.session_state:
            each.session_state["client"].close()
    launch.use(None)


def said(page: AppTest) -> str:
    """All text of a page, for looking something up in it."""
    assert not page.exception, page.exception
    kinds = ("title", "subheader", "caption", "text", "code", "info", "error", "warning", "success")
    return "\n".join(str(getattr(each, "value", "")) for kind in kinds for each in page.get(kind))


def press(page: AppTest, label: str) -> AppTest:
    """Press the button with that word on it."""
    [found] = [each for each in page.button if each.label == label]
    return found.click().run()


def wait_for(seen: Callable[[], object], tries: int = 200) -> None:
    """Wait until the server is so far."""
    for _ in range(tries):
        if seen():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")
