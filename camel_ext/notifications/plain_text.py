"""A message as plain text, for mail and chat: what happened, one thing a paragraph. No markup, no templates."""

from camel_ext.notifications.deliveries import Letter
from camel_ext.notifications.webhooks import link


def body_of(letter: Letter, base_url: str | None) -> str:
    """Return the text of a message."""
    if not letter.notices:
        return f"This is a test of the channel {letter.channel}. It works.\n"
    parts = []
    for notice in letter.notices:
        lines = [notice.title]
        if notice.detail:
            lines.append(notice.detail)
        where = link(notice, base_url)
        if where is not None:
            lines.append(where)
        lines.append(f"{notice.happened_at:%Y-%m-%d %H:%M:%S} UTC, rule {notice.rule}")
        parts.append("\n".join(lines))
    left = letter.count - len(letter.notices)
    if left > 0:
        parts.append(f"And {left} more.")
    return "\n\n".join(parts) + "\n"
