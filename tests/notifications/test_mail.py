"""E-mail through a real mail server, and Apprise to a real receiver."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from camel_ext.core.dependencies import Condition
from camel_ext.core.models import State
from camel_ext.notifications.mailing import MAIL
from camel_ext.settings_services import Mail as MailSettings
from camel_ext.workflows.events import RunFinished, RunWaiting
from tests.notifications.conftest import Desk, Receiver, failed

ADA = {"config": {"kind": "email", "to": ["ada@example.com", "grace@example.com"]}}


@dataclass
class Post:
    """A mail server that keeps what it gets, and says what it is told to."""

    port: int = 0
    says: str = "250 OK"
    refuses: str | None = None
    got: list[Message] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if address == self.refuses:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.says.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.got.append(message_from_bytes(envelope.content, policy=default))
            self.to.append(envelope.rcpt_tos)
        return self.says

    def check(self, _server: object, _session: object, _envelope: object, _way: str, data: object) -> AuthResult:  # fmt: skip
        assert isinstance(data, LoginPassword)
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"s3cret", handled=False)


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    """A mail server on a free port."""
    made = Post()
    loop = asyncio.get_running_loop()

    def serve() -> SMTP:
        return SMTP(made, loop=loop, authenticator=made.check, auth_require_tls=False)

    server = await loop.create_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


def use(desk: Desk, post: Post, **more: object) -> None:
    """Let the desk send its mail there."""
    desk.settings.mail = MailSettings.model_validate(
        {"host": "127.0.0.1", "port": post.port, "security": "none",
         "sender": "camel@example.org", "timeout_s": 5} | more
    )  # fmt: skip


async def noticed(desk: Desk, *events: RunFinished | RunWaiting) -> None:
    await desk.channel("", name="mail", **ADA)
    await desk.rule(channel="mail")
    await desk.happen(*events)
    await desk.leader().turn()


async def test_an_email_arrives_in_plain_text_under_its_own_id(threaded: Desk, post: Post) -> None:
    use(threaded, post, user="camel", password="s3cret")
    await noticed(threaded, failed())
    assert await threaded.work() == [State.SUCCEEDED]
    (delivery,) = await threaded.deliveries()
    (message,) = post.got
    assert post.users == ["camel"]
    assert post.to == [["ada@example.com", "grace@example.com"]]
    assert message["Subject"] == "A run of solve failed"
    assert message["Message-ID"] == f"<{delivery.id}@example.org>"
    assert message.get_content_type() == "text/plain"
    text = str(message.get_payload()).replace("\r\n", "\n")
    assert text.startswith(
        "A run of solve failed\nserving.provider_failed\n/workflows/run/?id=run-1"
    )
    assert (delivery.response_code, delivery.attempts) == (250, 1)


async def test_what_others_wrote_is_data_in_subject_and_text(threaded: Desk, post: Post) -> None:
    use(threaded, post)
    evil = "x\r\nBcc: eve@example.com\r\n\r\n<b>{{ 7 * 7 }}</b>\u202e"
    await noticed(threaded, RunWaiting("run-1", evil, "person", evil))
    assert await threaded.work() == [State.SUCCEEDED]
    (message,) = post.got
    assert message["Bcc"] is None
    assert "\n" not in str(message["Subject"])
    assert "<b>{{ 7 * 7 }}</b>" in str(message["Subject"])
    assert post.to == [["ada@example.com", "grace@example.com"]]


@pytest.mark.parametrize(
    ("says", "state"),
    [("451 later", State.WAITING), ("554 spam", State.FAILED)],
)
async def test_a_server_says_whether_another_try_makes_sense(
    threaded: Desk, post: Post, says: str, state: State
) -> None:
    use(threaded, post)
    post.says = says
    await noticed(threaded, failed())
    assert await threaded.work() == [state]
    (delivery,) = await threaded.deliveries()
    assert delivery.response_code == int(says[:3])
    assert says.replace(" ", ": ") in str(delivery.error_detail)
    if state is State.WAITING:
        post.says = "250 OK"
        threaded.clock.advance(10)
        assert await threaded.work() == [State.SUCCEEDED]
        assert len(post.got) == 1


async def test_a_mailbox_that_is_refused_is_named(threaded: Desk, post: Post) -> None:
    use(threaded, post)
    post.refuses = "grace@example.com"
    await noticed(threaded, failed())
    assert await threaded.work() == [State.FAILED]
    (delivery,) = await threaded.deliveries()
    assert "grace@example.com" in str(delivery.error_detail)
    assert post.to == [["ada@example.com"]]


async def test_a_wrong_password_and_no_server_say_so(threaded: Desk, post: Post) -> None:
    use(threaded, post, user="camel", password="wr0ng")
    await noticed(threaded, failed())
    ended = await threaded.work()
    (delivery,) = await threaded.deliveries()
    assert (ended, delivery.response_code) == ([State.FAILED], 535), delivery.error_detail
    assert "wr0ng" not in str(delivery.error_detail)
    use(threaded, Post(port=1))
    await threaded.happen(failed("run-2"))
    await threaded.leader().turn()
    assert await threaded.work() == [State.WAITING]


async def test_a_mail_server_that_is_away_is_left_alone_and_found_again(
    threaded: Desk, post: Post
) -> None:
    use(threaded, Post(port=1))
    await noticed(threaded, failed())
    assert await threaded.work() == [State.WAITING]
    server = threaded.runtime.dependencies[MAIL]
    assert server.seen().condition is Condition.DOWN
    for _ in range(4):
        server.failed(OSError())
    threaded.clock.advance(10)
    calls = server.calls
    assert await threaded.work() == [State.WAITING]
    assert (server.calls, server.refused) == (calls, 1)  # it was not even asked
    use(threaded, post)
    threaded.clock.advance(60)
    assert await threaded.work() == [State.SUCCEEDED]
    assert server.seen().condition is Condition.UP


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Apprise 2.3 imports imghdr
async def test_apprise_sends_by_what_a_variable_holds(
    threaded: Desk,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await threaded.channel("", name="chat", config={"kind": "apprise", "url_env": "APPRISE_CHAT"})
    await threaded.rule(channel="chat")
    await threaded.happen(failed())
    await threaded.leader().turn()
    assert await threaded.work() == [State.FAILED]  # the variable is not set
    (delivery,) = await threaded.deliveries()
    assert "APPRISE_CHAT is not set" in str(delivery.error_detail)

    monkeypatch.setenv("APPRISE_CHAT", f"json://127.0.0.1:{receiver.port}/t0ken")
    receiver.answers = [(200, "")]
    await threaded.happen(failed("run-2"))
    await threaded.leader().turn()
    assert await threaded.work() == [State.SUCCEEDED]
    assert b"A run of solve failed" in receiver.heard[0].body
    assert receiver.heard[0].path == "/t0ken"

    receiver.answers = [(500, "")]
    await threaded.happen(failed("run-3"))
    await threaded.leader().turn()
    assert await threaded.work() == [State.WAITING]
    told = " ".join(str(each.error_detail) for each in await threaded.deliveries())
    assert "t0ken" not in told + caplog.text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_variable_without_a_url_is_said_to_hold_none(
    threaded: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("APPRISE_CHAT", "s3cret words")
    await threaded.channel("", name="chat", config={"kind": "apprise", "url_env": "APPRISE_CHAT"})
    await threaded.rule(channel="chat")
    await threaded.happen(failed())
    await threaded.leader().turn()
    assert await threaded.work() == [State.FAILED]
    (delivery,) = await threaded.deliveries()
    assert "holds no URL" in str(delivery.error_detail)
    assert "s3cret" not in str(delivery.error_detail) + caplog.text
