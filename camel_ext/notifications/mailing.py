"""E-mail: plain text through the operator's mail server, on a thread.

The message id stays the same in every try, so that a mailbox can tell a repetition. It reads no mail.
"""

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime

from camel_ext.core.dependencies import Dependency, DependencyDown, Policy
from camel_ext.core.runtime import Runtime
from camel_ext.notifications.deliveries import Letter, Tried
from camel_ext.notifications.plain_text import body_of
from camel_ext.notifications.unsent import Unsent
from camel_ext.settings_services import Mail as MailSettings

MAIL = "mail server"
FAILED = "notifications.mail_failed"
REFUSED = range(500, 600)  # RFC 5321: a reply of 5yz is permanent


def _is_failure(error: Exception) -> bool:
    """Tell whether the server failed: what it refuses is an answer."""
    return isinstance(error, Unsent) and error.code == FAILED


def problem(knobs: MailSettings) -> str | None:
    """Say why no e-mail can be sent as this server is set up."""
    if knobs.host is None or knobs.sender is None:
        return "no mail server is set: CAMEL_EXT_MAIL__HOST and CAMEL_EXT_MAIL__SENDER"
    return None


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends through one mail server."""

    runtime: Runtime
    knobs: MailSettings
    base_url: str | None

    async def send(self, letter: Letter) -> Tried:
        """Send a message to all its mailboxes. Raises: Unsent."""
        missing = problem(self.knobs)
        if missing is not None:
            raise Unsent("notifications.mail_not_set", missing, lasting=True)
        clock = self.runtime.clock
        began_s = clock.monotonic_s()
        server = self._server()
        try:
            with server.guard(_is_failure):
                async with server.place(None):
                    code = await self.runtime.threads.run(
                        "outbound", self._send, self.message(letter)
                    )
        except DependencyDown as away:
            raise Unsent(FAILED, away.detail) from away
        return Tried(code, (clock.monotonic_s() - began_s) * 1000)

    def _server(self) -> Dependency:
        """Return the mail server as the process knows it: one, whatever the number of messages."""
        known = self.runtime.dependencies
        if MAIL not in known:
            policy = Policy(timeout_s=self.knobs.timeout_s, open_s=30.0, at_once=4, budget=0.0)
            known[MAIL] = Dependency(
                self.runtime.clock,
                MAIL,
                policy,
                lost="no e-mail is sent",
                meanwhile="messages wait and are tried again; the inbox and other channels go on",
            )
        return known[MAIL]

    def message(self, letter: Letter) -> EmailMessage:
        """Return the message as it is sent."""
        message = EmailMessage()
        sender = str(self.knobs.sender)
        message["Subject"] = letter.subject
        message["From"] = sender
        message["To"] = ", ".join(letter.config["to"])
        message["Date"] = format_datetime(letter.created_at)
        message["Message-ID"] = f"<{letter.delivery_id}@{sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's vacation answers it
        message.set_content(body_of(letter, self.base_url))
        return message

    def _send(self, message: EmailMessage) -> int:
        import smtplib  # with the first e-mail
        import ssl

        knobs = self.knobs
        try:
            if knobs.security == "tls":
                context = ssl.create_default_context()
                server: smtplib.SMTP = smtplib.SMTP_SSL(
                    str(knobs.host), knobs.port, timeout=knobs.timeout_s, context=context
                )
            else:
                server = smtplib.SMTP(str(knobs.host), knobs.port, timeout=knobs.timeout_s)
            with server:
                if knobs.security == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if knobs.user is not None and knobs.password is not None:
                    server.login(knobs.user, knobs.password.get_secret_value())
                refused = server.send_message(message)
        except smtplib.SMTPResponseException as error:
            said = (
                error.smtp_error.decode(errors="replace")
                if isinstance(error.smtp_error, bytes)
                else str(error.smtp_error)
            )
            lasting = error.smtp_code in REFUSED
            raise Unsent(
                "notifications.mail_refused", f"the mail server said {error.smtp_code}: {said}",
                lasting=lasting, response_code=error.smtp_code,
            ) from error  # fmt: skip
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            raise Unsent(
                "notifications.mail_refused", f"the mail server refused every mailbox ({code})",
                lasting=code in REFUSED, response_code=code,
            ) from error  # fmt: skip
        except (OSError, smtplib.SMTPException) as error:
            raise Unsent(FAILED, f"the mail server could not be used: {error}") from error
        if refused:
            code = max(code for code, _ in refused.values())
            named = ", ".join(sorted(refused))
            raise Unsent(
                "notifications.mail_refused", f"some mailboxes were refused ({code}): {named}",
                lasting=True, response_code=code,
            )  # fmt: skip
        return 250
