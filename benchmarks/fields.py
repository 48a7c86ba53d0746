"""The fields of a user, from which the classes of msgspec and of pydantic are made.

One table, so that all libraries decode the same: every field that data.py makes, with the types and
the defaults of this package's own classes.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from types import GenericAlias
from typing import Any, Literal

REQUIRED = "required"
Object = dict[str, Any] | None
Text = str | None
Which = Literal["listed", "single"]


@dataclass(frozen=True)
class Field:
    name: str
    type: Any
    default: Any = None
    # A user of a list has fields that a user read by id has not, and the other way round.
    only: Which | None = None


SETTINGS = "settings"  # the only field that is a class of its own
SETTINGS_FIELDS = (Field("ui", Object, {}),)
FIELDS = (
    Field("id", str, REQUIRED),
    Field("name", str, REQUIRED),
    Field("email", str, REQUIRED),
    Field("username", Text),
    Field("role", str, "pending"),
    Field("profile_image_url", Text),
    Field("profile_banner_image_url", Text),
    Field("bio", Text),
    Field("gender", Text),
    Field("date_of_birth", datetime.date | None),
    Field("timezone", Text),
    Field("presence_state", Text),
    Field("status_emoji", Text),
    Field("status_message", Text),
    Field("status_expires_at", int | None),
    Field("info", Object),
    Field(SETTINGS, None),
    Field("oauth", Object),
    Field("scim", Object),
    Field("last_active_at", int, REQUIRED),
    Field("updated_at", int, REQUIRED),
    Field("created_at", int, REQUIRED),
    Field("group_ids", list[str], [], only="listed"),
    Field("groups", list[dict[str, Any]], REQUIRED, only="single"),
    Field("is_active", bool, REQUIRED, only="single"),
)


def fields_of(which: Which) -> list[Field]:
    return [field for field in FIELDS if field.only in (None, which)]


Make = Callable[[str, list[Field]], Any]


def user_class(make: Make, which: Which) -> Any:
    """The class of a user, by whoever can make a class of a name and fields."""
    settings = make("Settings", list(SETTINGS_FIELDS))
    fields = [
        Field(field.name, settings | None) if field.name == SETTINGS else field
        for field in fields_of(which)
    ]
    return make("User", fields)


def page_class(make: Make) -> Any:
    users = GenericAlias(list, user_class(make, "listed"))
    return make("Page", [Field("users", users, REQUIRED), Field("total", int, REQUIRED)])


def make_struct(name: str, fields: list[Field]) -> Any:
    """A Struct of msgspec."""
    # imported by name: whoever checks the types of these files need not have the peers
    msgspec = import_module("msgspec")
    rows = [
        (one.name, one.type) if one.default == REQUIRED else (one.name, one.type, one.default)
        for one in fields
    ]
    return msgspec.defstruct(name, rows, kw_only=True)


def make_model(name: str, fields: list[Field]) -> Any:
    """A model of pydantic."""
    create = import_module("pydantic").create_model
    return create(
        name,
        **{one.name: (one.type, ... if one.default == REQUIRED else one.default) for one in fields},
    )


NAMES = tuple(field.name for field in fields_of("listed"))


def read_every_field(users: list[Any]) -> None:
    """Attribute by attribute, and the settings' own; nothing is done with the values."""
    read = attrgetter(*NAMES)
    for user in users:
        read(user)
        if user.settings is not None:
            user.settings.ui  # noqa: B018 (being read is all it is for)
