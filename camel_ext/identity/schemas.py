"""What the wire accepts and shows of principals and keys."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from camel_ext.identity.models import PrincipalKind, Role

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9 ._@-]{0,63}$", examples=["ada"])]


class Me(BaseModel):
    principal_id: UUID = Field(description="Who the key acts as.")
    name: str = Field(description="Its name.")
    kind: PrincipalKind = Field(description="What kind of somebody.")
    role: Role = Field(description="What it may do here.")
    org_id: UUID = Field(description="The organisation.")
    project_id: UUID = Field(description="The project.")


class SignInCodeMade(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str = Field(description="Goes behind `#code=` of the web app's address; works once.")
    expires_at: datetime = Field(description="From when it is refused.")


class SignIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"code": "oFtiWOmFRCqKnhK7DRkzp0Bw_MbRlsrC"}]},
    )

    code: str = Field(max_length=200, description="What `POST /api/v1/sign-in-codes` made.")


class SignedIn(BaseModel):
    secret: str = Field(description="The browser's own key, shown this once.")
    expires_at: datetime = Field(description="From when it is refused.")
    me: Me = Field(description="Who it acts as.")


class PrincipalShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="Its id.")
    kind: PrincipalKind = Field(description="What kind of somebody.")
    name: str = Field(description="Its name.")
    created_at: datetime = Field(description="Since when it is known.")


class KeyCreate(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "ci", "role": "editor"}]}
    )

    name: Name = Field(description="What the key is for.")
    profile: Name | None = Field(
        None, description="The local profile that acts by it, made if new; null: the key itself."
    )
    role: Role = Field(Role.EDITOR, description="What it may do; a known profile keeps its role.")
    expires_at: datetime | None = Field(None, description="From when it is refused, with offset.")


class KeyShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="Its id.")
    name: str = Field(description="What it is for.")
    prefix: str = Field(description="Its first letters.")
    principal_id: UUID = Field(description="Who acts by it.")
    created_at: datetime = Field(description="When it was made.")
    expires_at: datetime | None = Field(description="From when it is refused.")
    revoked_at: datetime | None = Field(description="When it was revoked.")
    for_browser: bool = Field(description="A sign-in of the web app made it.")


class KeyMade(KeyShown):
    secret: str | None = Field(
        None, description="The key itself, shown this once; null when the request is repeated."
    )


Word = Annotated[str, Field(min_length=1, max_length=80)]


class TableLayout(BaseModel):
    model_config = ConfigDict(extra="forbid")

    order: list[Word] = Field([], max_length=100, description="Ids of columns, as they stand.")
    shown: dict[Word, bool] = Field({}, max_length=100, description="By column; else the table's.")
    widths: dict[Word, Annotated[float, Field(ge=16, le=4000)]] = Field(
        {}, max_length=100, description="Pixels by column; else the table's."
    )


class SavedView(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Word = Field(description="As its owner calls it.")
    query: str = Field(max_length=4000, description="The query of the page's URL, without `?`.")


class Preferences(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "theme": "dark",
                    "remapped_keys": {"Fork this turn": "Shift+f"},
                    "columns": {"logs": {"order": ["time", "agent"], "widths": {"agent": 180}}},
                    "views": {"/interactions": [{"name": "Failed today", "query": "q=failed:yes"}]},
                }
            ]
        },
    )

    theme: Literal["system", "light", "dark"] = Field("system", description="Of the web app.")
    density: Literal["compact", "default", "relaxed"] = Field(
        "default", description="How high a row of a table is."
    )
    keys_enabled: bool = Field(True, description="Whether single keys do anything (WCAG 2.1.4).")
    remapped_keys: dict[Word, Annotated[str, Field(max_length=40)]] = Field(
        {}, max_length=200, description="Other keys, by what they do; empty switches one off."
    )
    fast_lane: bool = Field(False, description="A choice among answers is saved at once.")
    columns: dict[Word, TableLayout] = Field(
        {}, max_length=50, description="Layouts of tables, by the table's name."
    )
    views: dict[Word, Annotated[list[SavedView], Field(max_length=50)]] = Field(
        {}, max_length=50, description="Saved views, by the page's path."
    )
    toured: bool = Field(False, description="The first tour was taken, or left.")
