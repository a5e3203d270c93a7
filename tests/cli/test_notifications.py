"""`notifications` on a running server: the inbox, a channel and its secret, a rule, a test that fails."""

import pytest

from camel_ext.cli.exits import Exit
from tests.cli.conftest import Camel, error, shown

N = "notifications"
RUNS = ("--event", "workflows.run.finished")


def test_the_inbox_begins_empty_and_one_rule_is_there(camel: Camel) -> None:
    assert "will stand here by itself" in camel(N).stderr
    assert shown(camel(N, "--json")) == []
    (rule,) = shown(camel(N, "rules", "--json"))
    assert (rule["name"], rule["builtin"]) == ("needs-you", True)
    assert "needs-you is off." in camel(N, "turn", "needs-you", "off").stdout
    assert "off" in camel(N, "rules").stdout
    assert "needs-you is on." in camel(N, "turn", "needs-you", "on").stdout
    assert "0 unread." in camel(N, "read").stdout


def test_a_channel_from_its_secret_to_its_end(camel: Camel) -> None:
    made = camel(N, "add-channel", "team-hook", "--webhook", "https://hooks.example.com/s3cret")
    assert made.exit_code == 0, made.stderr
    assert "https://hooks.example.com/…" in made.stdout
    assert "whsec_" in made.stdout
    assert "s3cret" not in camel(N, "channels").stdout
    assert "whsec_" in camel(N, "rotate-secret", "team-hook").stdout
    ruled = camel(
        N, "add-rule", "failures", *RUNS, "--if", "event.data.state == 'failed'",
        "--channel", "team-hook", "--quiet", "22:00-07:00", "--zone", "Europe/Berlin",
    )  # fmt: skip
    assert ruled.exit_code == 0, ruled.stderr
    assert "quiet 22:00-07:00 (Europe/Berlin)" in " ".join(camel(N, "rules").stdout.split())
    in_use = camel(N, "remove-channel", "team-hook", "--json")
    assert in_use.exit_code == Exit.CONFLICT
    assert "failures is gone" in camel(N, "remove-rule", "failures").stdout
    assert "team-hook is gone." in camel(N, "remove-channel", "team-hook").stdout


def test_a_test_that_cannot_be_sent_says_why_and_ends_so(camel: Camel) -> None:
    made = camel(N, "add-channel", "ada", "--email", "ada@example.com")
    assert "CAMEL_EXT_MAIL__HOST" in made.stderr
    tried = camel(N, "test", "ada")
    assert tried.exit_code == Exit.FAILED
    assert "no mail server is set" in tried.stderr
    (sent,) = shown(camel(N, "deliveries", "--channel", "ada", "--json"))
    assert (sent["state"], sent["attempts"]) == ("failed", 1)
    assert "on its way again" in camel(N, "resend", sent["id"]).stdout


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        (("add-channel", "x"), Exit.USAGE, "not clear where to"),
        (("add-channel", "x", "--webhook", "http://10.0.0.1/"), Exit.USAGE, "open internet"),
        (("test", "nowhere"), Exit.NOT_FOUND, "no channel"),
        (("add-rule", "x", *RUNS, "--quiet", "night"), Exit.USAGE, "HH:MM-HH:MM"),
        (("add-rule", "x", *RUNS, "--if", "1 +"), Exit.USAGE, "ends too early"),
        (("resend", "0000"), Exit.NOT_FOUND, "no delivery"),
    ],
)
def test_what_cannot_be_done_is_said(
    camel: Camel, typed: tuple[str, ...], code: Exit, says: str
) -> None:
    result = camel(N, *typed, "--json")
    assert result.exit_code == code, result.stdout
    assert says in str(error(result)["detail"])
