"""`open`, and what a start says of the web app: a link that signs in once, for a person's eyes only."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from camel_ext_client import ApiError, Client

from camel_ext.cli.browsing import opens_a_browser
from camel_ext.cli.command import Here
from tests.cli.conftest import Camel, Served, shown


class TestOpening:
    def test_it_prints_a_link_that_signs_in_once(self, served: Served, camel: Camel) -> None:
        shown_ = camel("open", "--link")
        assert shown_.exit_code == 0, shown_.stderr
        link = shown_.stdout.strip()
        assert link.startswith(f"{served.url}/#code=")
        with Client(served.url) as stranger:
            signed = stranger.sign_ins.redeem(link.partition("#code=")[2])
            with pytest.raises(ApiError, match="used, or is too old"):
                stranger.sign_ins.redeem(link.partition("#code=")[2])
        assert signed["me"]["name"] == "owner"
        with Client(served.url, signed["secret"]) as browser:
            assert browser.me() == signed["me"]
            assert browser.sign_ins.sign_out()["revoked_at"]
            with pytest.raises(ApiError):
                browser.me()

    def test_for_machines(self, served: Served, camel: Camel) -> None:
        answer = shown(camel("open", "--json"))
        assert answer["url"].startswith(f"{served.url}/#code=")
        assert answer["expires_at"]

    def test_a_browser_opens_by_itself_only_for_a_person(self) -> None:
        assert opens_a_browser(Here(), True)
        assert not opens_a_browser(Here(), None), "standard output is no terminal here"
        assert not opens_a_browser(Here(as_json=True), None)


@pytest.mark.slow
def test_a_terminal_without_a_screen_gets_a_link_that_signs_in(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "camel_ext.cli", "up", "--port", "0", "--data-dir"]
    unseen = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    process = subprocess.Popen(
        [*command, str(tmp_path)], stdout=theirs, stderr=subprocess.PIPE, text=True, env=unseen
    )
    os.close(theirs)
    said = ""
    try:
        while "Ctrl-C" not in said:
            said += os.read(ours, 4096).decode()
        link = re.search(r"(http://127\.0\.0\.1:\d+)/#code=([\w-]+)", said)
        assert link, said
        with Client(link[1]) as stranger:
            assert stranger.sign_ins.redeem(link[2])["me"]["role"] == "owner"
    finally:
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)
        os.close(ours)
    assert link[2] not in stderr
