"""Reading desired states: formats, and everything that is wrong at once."""

from __future__ import annotations

import io
import json
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from openwebui_users.admin import AdminError, InvalidInputError
from openwebui_users.admin._state import read_state

ANN = {"email": "ann@example.com"}
TEXTS = {
    "yaml": """
users:
  - {email: Ann@Example.com, name: Ann, date_of_birth: 1990-12-31, groups: [staff]}
groups:
  - &base {name: staff, permissions: {workspace: {prompts: true}}}
  - <<: *base
    name: guests
default_permissions: {workspace: {prompts: true}}
""",
    "toml": """
[default_permissions.workspace]
prompts = true
[[users]]
email = "Ann@Example.com"
name = "Ann"
date_of_birth = 1990-12-31
groups = ["staff"]
[[groups]]
name = "staff"
permissions.workspace.prompts = true
[[groups]]
name = "guests"
permissions.workspace.prompts = true
""",
    "json": """{"default_permissions": {"workspace": {"prompts": true}},
"groups": [{"name": "staff", "permissions": {"workspace": {"prompts": true}}},
 {"name": "guests", "permissions": {"workspace": {"prompts": true}}}],
"users": [{"email": "Ann@Example.com", "name": "Ann", "date_of_birth": "1990-12-31",
 "groups": ["staff"]}]}""",
}


def problems_of(source: Any, format: str | None = None) -> list[str]:  # noqa: A002
    with pytest.raises(InvalidInputError) as caught:
        read_state(source, format)
    assert str(caught.value).startswith("nothing was changed: ")
    return [str(one) for one in caught.value.problems]


@pytest.mark.parametrize("format", list(TEXTS))
def test_formats_say_the_same(format: str, tmp_path: Path) -> None:  # noqa: A002
    expected = json.loads(TEXTS["json"].lower().replace('"name": "ann"', '"name": "Ann"'))
    path = tmp_path / f"desired.{format}"
    path.write_text("\ufeff" * (format != "toml") + TEXTS[format], "utf-8")
    state = read_state(path)
    assert state.to_dict() == expected
    assert read_state(str(path)).to_dict() == expected
    assert read_state(io.StringIO(TEXTS[format]), format).to_dict() == expected
    assert read_state(state.to_dict()).to_dict() == expected


def test_files_of_no_known_format(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"suffix '\.ini' is not known: give format= \(yaml, js"):
        read_state(tmp_path / "desired.ini")
    with pytest.raises(ValueError, match="format must be one of"):
        read_state(tmp_path / "x.yaml", "ini")
    with pytest.raises(TypeError, match="must be the path of"):
        read_state(7)


@pytest.mark.parametrize(
    ("format", "text", "message"),
    [
        ("yaml", "users: []\nusers: []", "row 2: is not YAML: the key 'users' is there twice"),
        ("yaml", "users: [", "row 1: is not YAML: "),
        ("yaml", "users: !!python/object/apply:os.getcwd []", "row 1: is not YAML: could not d"),
        ("yaml", "users: 2000-13-40", "is not YAML: "),
        ("yaml", "a: &a [*a]", "has too many values, or is nested too deep"),
        ("json", '{"users": [],\n "users": []}', "is not JSON: the key 'users' is there twice"),
        ("json", '{"users": [],\n:}', "row 2: is not JSON: "),
        ("json", '{"users": [NaN]}', "is not JSON: NaN is no number of JSON"),
        ("json", "[" * 100_000, "nested too deep"),
        ("toml", "users = 1\nusers = 2", "is not TOML: "),
        ("json", b"\xff\xff", "not in UTF-8"),
    ],
)
def test_texts_that_are_not_of_their_format(format: str, text: Any, message: str) -> None:  # noqa: A002
    kind = io.BytesIO if isinstance(text, bytes) else io.StringIO
    assert message in problems_of(kind(text), format)[0]


def test_aliases_that_multiply() -> None:
    lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"b{i}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]" for i in range(9)]
    assert "too many values" in problems_of(io.StringIO("\n".join(lines)), "yaml")[0]


@pytest.mark.parametrize(
    ("format", "module"), [("yaml", "yaml"), ("toml", "tomllib"), ("toml", "tomli")]
)
def test_libraries_that_are_missing(
    format: str,  # noqa: A002
    module: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if format == "toml":
        monkeypatch.setattr(sys, "version_info", (3, 10))
        monkeypatch.setitem(sys.modules, "tomli", None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(AdminError, match=r"pip install 'openwebui_users\[config\]'"):
        read_state(io.StringIO(""), format)


@pytest.mark.parametrize(
    ("desired", "message"),
    [
        ([], "the desired state must be a mapping with the keys users, groups, default_permi"),
        ({"user": []}, "user: there is no such key; known are users, groups, default_permissions"),
        ({"steps": [], "desired": {}}, r"this is a plan: read it with Plan.from_json()"),
        ({"users": {}}, "users: must be a list, got dict"),
        ({"users": ["x"]}, "users[0]: must be a mapping, got str"),
        ({"users": [{"name": "Ann"}]}, "users[0].email: is missing"),
        ({"users": [{**ANN, "rolle": "user"}]}, "ann@example.com users[0].rolle: there is no such"),
        ({"users": [{**ANN, "name": True}]}, "users[0].name: must be a text, got bool; put it in"),
        ({"users": [{**ANN, "groups": "staff"}]}, "users[0].groups: must be a list, got str"),
        ({"users": [{**ANN, "groups": ["a", "a"]}]}, "users[0].groups: has 'a' more than once"),
        ({"users": [{**ANN, "groups": [1]}]}, "users[0].groups: each must be a text, got int"),
        ({"users": [{**ANN, "state": "gone"}]}, "users[0].state: must be present or absent"),
        ({"users": [{**ANN, "timezone": "Mars"}]}, "users[0].timezone: must be a time zone"),
        ({"users": [{**ANN, "settings": []}]}, "users[0].settings: must be a dict"),
        ({"users": [{"settings": {7: 1}}]}, "has the key 7, which is no text"),
        ({"users": [{**ANN, "settings": {"ui": {"a": float("inf")}}}]}, "value that JSON has not"),
        ({"users": [{**ANN, "settings": {"ui": {"a": b"x"}}}]}, "of the type bytes"),
        ({"users": [ANN, {"email": "ANN@example.com"}]}, "users[1].email: is at users[0].email al"),
        (
            {"users": [ANN, {"email": "b@example.com", "previous_email": "Ann@example.com"}]},
            "users[1].previous_email: is at users[0].email already",
        ),
        (
            {"users": [{**ANN, "previous_email": "b@example.com", "state": "absent"}]},
            "users[0].previous_email: cannot stand beside state: absent",
        ),
        ({"groups": [{"name": "a"}, {"name": "a"}]}, "groups[1].name: is at groups[0].name alre"),
        ({"groups": [{"name": "a", "permissions": {"x": True}}]}, "groups[0].permissions: must be"),
        ({"groups": [{"name": "a", "permissions": {"x": {"y": 1}}}]}, "x.y is 1"),
        ({"groups": [{"name": "a", "description": 1}]}, "groups[0].description: must be a text"),
        ({"groups": [{"name": "a", "members": ["x", "X"]}]}, "has 'x' more than once"),
        ({"default_permissions": {"x": {"y": "yes"}}}, "default_permissions: must be sections"),
        (
            {"users": [{**ANN, "groups": []}], "groups": [{"name": "a", "members": ANN.values()}]},
            "holds a value that JSON has not",
        ),
        (
            {
                "users": [{**ANN, "groups": []}],
                "groups": [{"name": "a", "members": ["ann@example.com"]}],
            },
            "a groups[0].members: has ann@example.com, but users[0].groups has no 'a'",
        ),
        (
            {"users": [{**ANN, "groups": ["a"]}], "groups": [{"name": "a", "members": []}]},
            "users[0].groups: has 'a', but groups[0].members has no ann@example.com",
        ),
        (
            {"users": [{**ANN, "groups": ["a"]}], "groups": [{"name": "a", "state": "absent"}]},
            "users[0].groups: has 'a', which is to be absent by groups[0]",
        ),
        (
            {
                "users": [{**ANN, "state": "absent"}],
                "groups": [{"name": "a", "members": ["ann@example.com"]}],
            },
            "groups[0].members: has 'ann@example.com', which is to be absent by users[0]",
        ),
        (
            {"groups": [{"name": "a", "previous_name": "b"}, {"name": "c", "parent": "b"}]},
            "groups[1].parent: has 'b', which becomes 'a': use that name",
        ),
    ],
)
def test_what_is_wrong(desired: Any, message: str) -> None:
    found = problems_of(desired, "json") if isinstance(desired, dict) else None
    if found is None:
        found = problems_of(io.StringIO(json.dumps(desired)), "json")
    assert len(found) == 1 and message in found[0], found


def test_members_of_enumerations_are_the_texts_that_they_stand_for() -> None:
    class Word(str, Enum):
        ADMIN, STAFF = "admin", "staff"

    user = {"email": "ann@example.com", "role": Word.ADMIN, "groups": [Word.STAFF]}
    (found,) = read_state({"users": [user]}).to_dict()["users"]
    assert found["groups"] == ["staff"] and str(found["role"]) == "admin"


def test_everything_at_once_and_what_is_doubtful_too() -> None:
    desired = {
        "users": [{"email": "no address", "role": "amdin", "x": 1}, {"email": 7}],
        "groups": [{"name": "a\nb", "state": 1}],
    }
    assert len(problems_of(desired)) == 6


def test_passwords_are_references(tmp_path: Path) -> None:
    secret = "hunter2 hunter2"
    text = "\n".join(problems_of({"users": [{**ANN, "password": secret}]}))
    assert "must be a reference, env:NAME or file:PATH, or the word generate" in text
    assert secret not in text
    for wrong in ("env:", "file:", 7, None):
        assert "must be a reference" in problems_of({"users": [{**ANN, "password": wrong}]})[0]
    path = tmp_path / "desired.json"
    path.write_text(json.dumps({"users": [{**ANN, "password": "file:secrets/ann"}]}))
    (user,) = read_state(path).users
    assert user.given["password"] == f"file:{tmp_path.resolve()}/secrets/ann"
