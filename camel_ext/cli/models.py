"""`models`: what there is, where aliases point, and moving them."""

from camel_ext_client import Client
from camel_ext_client.shapes import Model, ModelVersion, Share, Target

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.output import age, plain, rows, table, utc_now


def list_models(here: Here) -> None:
    """Show models and adapters with their current versions."""
    with here.connect() as client:
        found = list(client.models.each())
        if here.as_json:
            here.answer(found)
            return
        if not found:
            here.note("No model is registered yet. Apply a folder with a models.yaml.")
            return
        lines = [_row(client, each) for each in reversed(found)]
    made = table(
        "model", "engine", "where", "version", "1M in / out", ("what it is good for", {"ratio": 1})
    )
    here.out.print(rows(made, lines))


def _row(client: Client, each: Model) -> list[str]:
    version = None
    if each["current_version_id"]:
        version = client.models.version(each["current_version_id"])
    return [
        f"[name]{plain(each['name'])}[/]",
        plain(version["engine"]) if version else "",
        plain(_where(version)) if version else "",
        f"[id]@{version['number']}[/]" if version else "[quiet]none[/]",
        _price(version) if version else "",
        plain(each["description"]),
    ]


def _where(version: ModelVersion) -> str:
    config = version["config"]
    if version["engine"] == "provider":
        return f"{config.get('model', '')} at {config.get('url', '')}"
    return str(config.get("file", ""))


def _price(version: ModelVersion) -> str:
    prices = (version["prompt_usd_micros_per_m"], version["completion_usd_micros_per_m"])
    return " / ".join(f"${each / 1e6:g}" for each in prices) if any(prices) else "[quiet]free[/]"


def aliases(here: Here, name: str | None) -> None:
    """Show aliases, or the moves of one."""
    with here.connect() as client:
        if name is not None:
            _show_moves(here, client, name)
            return
        found = list(client.aliases.each())
        if here.as_json:
            here.answer(found)
            return
        names = Names(client)
        made = table("alias", "points at", "moved", "from")
        now = utc_now()
        lines = [
            [
                f"[name]{plain(each['name'])}[/]",
                names.of(each["targets"]),
                age(each["updated_at"], now),
                f"[quiet]{plain(each['configuration'] or 'the API')}[/]",
            ]
            for each in reversed(found)
        ]
    if not lines:
        here.note("No alias yet. Apply a folder with a models.yaml.")
        return
    here.out.print(rows(made, lines))


def _show_moves(here: Here, client: Client, name: str) -> None:
    moves = client.aliases.moves(name, limit=100)["items"]
    if here.as_json:
        here.answer({"alias": client.aliases.get(name), "moves": moves})
        return
    names, now = Names(client), utc_now()
    made = table("revision", "when", "from", "to", ("why", {"ratio": 1}))
    lines = [
        [
            str(each["revision"]), age(each["created_at"], now), names.of(each["from_targets"]),
            names.of(each["to_targets"]), plain(each["reason"]),
        ]
        for each in moves
    ]  # fmt: skip
    here.out.print(rows(made, lines))


class Names:
    """Names of versions, each looked up once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._models: dict[str, str] | None = None
        self._versions: dict[str, str] = {}

    def of(self, shares: list[Share]) -> str:
        """Return where shares point, with their part of the traffic where there are several."""
        total = sum(share["weight"] for share in shares) or 1
        names = [f"[id]{plain(self._name(share['version_id']))}[/]" for share in shares]
        if len(shares) < 2:
            return names[0] if names else "[quiet]nowhere[/]"
        parts = [f"{share['weight'] / total:.0%}" for share in shares]
        return ", ".join(f"{part} {name}" for part, name in zip(parts, names, strict=True))

    def _name(self, version_id: str) -> str:
        if self._models is None:
            self._models = {each["id"]: each["name"] for each in self._client.models.each()}
        if version_id not in self._versions:
            version = self._client.models.version(version_id)
            model = self._models.get(version["model_id"], "?")
            self._versions[version_id] = f"{model}@{version['number']}"
        return self._versions[version_id]


def move(here: Here, alias: str, targets: list[str], reason: str) -> None:
    """Point an alias somewhere else."""
    wanted = [_target(each) for each in targets]
    with here.connect() as client:
        before = client.aliases.get(alias)
        after = client.aliases.move(alias, wanted, revision=before["revision"], reason=reason)
        if here.as_json:
            here.answer(after)
            return
        names = Names(client)
        here.out.print(
            f"[ok]✓[/] [name]{plain(alias)}[/]  {names.of(before['targets'])} → "
            f"{names.of(after['targets'])}  [quiet]revision {after['revision']}[/]"
        )


def _target(text: str) -> Target:
    name, sign, weight = text.partition("=")
    if not sign:
        return {"target": name}
    try:
        return {"target": name, "weight": float(weight)}
    except ValueError:
        raise Stop(
            Exit.USAGE, f"{text}: {weight!r} is no weight.", "Example: smollm2=90 smollm2/brief=10"
        ) from None


def forget(here: Here) -> None:
    """Have every server forget the answers that it keeps for repeated questions."""
    with here.connect() as client:
        client.models.forget_answers()
    if here.as_json:
        here.answer({"forgotten": True})
    else:
        here.note("Answers kept for repeated questions are forgotten.")
