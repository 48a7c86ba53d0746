"""The contract notices errors: a small error put into the embedded server makes a comparison fail.

Each error is put into a copy of `openwebui_users.testing`; the product itself has no switch for it.
"""

from __future__ import annotations

import importlib
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from variants import ROOT, Edit

from contract.cases import play
from contract.conversation import differences
from contract.record import recorded
from contract.stage import EmbeddedStage
from openwebui_users.testing import EmbeddedServer

NEWEST, OLDEST = "0.12.4", "0.6.42"


@dataclass(frozen=True)
class Mutation:
    """One edit of the embedded server, and the case that must notice it."""

    name: str
    file: str
    old: str
    new: str
    noticed_by: str
    version: str = NEWEST


MUTATIONS = [
    Mutation(
        "an unknown user is 404",
        "access.py",
        "detail: str = NOT_FOUND, status: int = 400",
        "detail: str = NOT_FOUND, status: int = 404",
        "one_user",
    ),
    Mutation(
        "who is no administrator gets 403",
        "access.py",
        'if user["role"] != "admin":\n        raise HTTPException(401',
        'if user["role"] != "admin":\n        raise HTTPException(403',
        "who_asks",
    ),
    Mutation(
        "a missing token has another text",
        "access.py",
        '"Not authenticated"',
        '"401 Unauthorized"',
        "who_asks",
    ),
    Mutation(
        "pending users may act",
        "access.py",
        '("user", "admin")',
        '("user", "admin", "pending")',
        "signing_up",
    ),
    Mutation(
        "a revoked token works",
        "access.py",
        'if token["revoked"]:',
        'if token["revoked"] and False:',
        "revoking_sessions",
    ),
    Mutation(
        "a role is validated",
        "users.py",
        "class UpdateForm(BaseModel):\n    role: str | None = None",
        "class UpdateForm(BaseModel):\n"
        '    role: Annotated[str | None, Query(pattern="^(admin|user|pending)$")] = None',
        "updating_users",
    ),
    Mutation(
        "a role is validated when a user is added",
        "auths.py",
        "if form_data.role is None or",
        'if form_data.role not in ("admin", "user", "pending") or',
        "adding_users",
    ),
    Mutation(
        "an e-mail address keeps its case when added",
        "auths.py",
        "email = form_data.email.lower()\n    user =",
        "email = form_data.email\n    user =",
        "adding_users",
    ),
    Mutation(
        "a password of 73 bytes is taken",
        "access.py",
        "LONGEST_PASSWORD = 72",
        "LONGEST_PASSWORD = 73",
        "adding_users",
    ),
    Mutation(
        "a password is measured in characters",
        "access.py",
        'len(password.encode("utf-8", "surrogatepass"))',
        "len(password)",
        "adding_users",
        OLDEST,
    ),
    Mutation(
        "settings are replaced, not merged",
        "users.py",
        '{**(settings.get("ui") or {}), **patch}',
        "patch",
        "own_settings",
    ),
    Mutation(
        "null is stored in settings",
        "users.py",
        "for key, value in ui.items() if value is not None",
        "for key, value in ui.items()",
        "own_settings",
    ),
    Mutation(
        "info is replaced, not merged",
        "users.py",
        '{**(user["info"] or {}), **form_data}',
        "form_data",
        "own_info",
    ),
    Mutation(
        "null clears a status",
        "users.py",
        "changes = form_data.model_dump(exclude_none=True)\n    if database.is_oldest and not",
        "changes = form_data.model_dump(exclude_unset=True)\n    if database.is_oldest and not",
        "own_status",
    ),
    Mutation(
        "a permission left out keeps its value",
        "users.py",
        "stored: Permissions = validated(permitted.form, body).model_dump()",
        "stored: Permissions = {**database.config('permissions', {}), **body}",
        "default_permissions",
    ),
    Mutation(
        "unknown permissions are stored",
        "permissions.py",
        "create_model(section, **fields), ...)",
        "create_model(section, __config__={'extra': 'allow'}, **fields), ...)",
        "default_permissions",
        OLDEST,
    ),
    Mutation(
        "deleting nobody is an error",
        "users.py",
        "    database.delete_user(user_id)\n    return True",
        "    found(database.user(user_id))\n    database.delete_user(user_id)\n    return True",
        "deleting",
    ),
    Mutation(
        "the primary administrator can be deleted by themselves",
        "users.py",
        "if is_primary(database, user_id):\n        raise primary_refusal(database)\n    if asking",
        "if asking",
        "the_primary_administrator",
        OLDEST,
    ),
    Mutation(
        "partial updates are refused",
        "users.py",
        "validated(OldestUpdateForm if database.is_oldest else UpdateForm, body)",
        "validated(OldestUpdateForm, body)",
        "updating_users",
    ),
    Mutation(
        "partial updates work where they do not",
        "users.py",
        "validated(OldestUpdateForm if database.is_oldest else UpdateForm, body)",
        "validated(UpdateForm, body)",
        "updating_users",
        OLDEST,
    ),
    Mutation(
        "an API key makes a session user",
        "auths.py",
        'if credential.startswith("sk-") and not database.is_oldest:',
        "if False:",
        "api_keys",
    ),
    Mutation(
        "wildcards of a search are escaped",
        "database.py",
        'values = [f"%{query}%"] * 2',
        'values = [f"%{query.replace(chr(37), chr(0)).replace(chr(95), chr(0))}%"] * 2',
        "lists",
    ),
    Mutation("a page holds 50", "database.py", "PAGE_SIZE = 30", "PAGE_SIZE = 50", "lists"),
    Mutation(
        "sorting is ascending unless told otherwise",
        "database.py",
        "'ASC' if direction == 'asc' else 'DESC'",
        "'DESC' if direction == 'desc' else 'ASC'",
        "lists",
    ),
    Mutation(
        "unknown members of a group are an error",
        "database.py",
        "            if self.user(user_id) is not None:\n                self.run(",
        "            if self.user(user_id) is None:\n                raise KeyError(user_id)\n"
        "            else:\n                self.run(",
        "groups",
    ),
    Mutation(
        "permissions of a group are merged",
        "groups.py",
        "    group.update(changes)\n",
        "    changes['permissions'] = {**(group['permissions'] or {}), "
        "**(changes.get('permissions') or {})}\n    group.update(changes)\n",
        "groups",
    ),
    Mutation(
        "inherited groups are shown unasked",
        "users.py",
        "include_inherited: bool) -> list[Row]:\n",
        "include_inherited: bool) -> list[Row]:\n    include_inherited = True\n",
        "groups_within_groups",
    ),
    Mutation(
        "a profile update keeps what it leaves out",
        "auths.py",
        'user.update(form_data.model_dump(mode="json"))',
        'user.update(form_data.model_dump(mode="json", exclude_unset=True))',
        "own_profile",
    ),
    Mutation(
        "variables are merged",
        "users.py",
        '    user["variables"] = variables\n',
        '    variables = {**(user.get("variables") or {}), **variables}\n'
        '    user["variables"] = variables\n',
        "own_variables",
    ),
    Mutation(
        "sign-in is never limited",
        "auths.py",
        "SIGN_INS = 15",
        "SIGN_INS = 99",
        "signing_in_too_often",
    ),
    Mutation(
        "who is no member sees a channel's members",
        "channels.py",
        'if user["id"] not in members:',
        "if False:",
        "channels",
    ),
    Mutation(
        "an unknown path is 404",
        "app.py",
        "return HTMLResponse(WEB_PAGE)",
        'return JSONResponse({"detail": "Not Found"}, 404)',
        "unknown_routes",
    ),
    Mutation(
        "a route of a later version exists",
        "versions.py",
        '    ("GET", "/api/v1/users/{user_id}/info"),\n',
        "",
        "one_user",
        OLDEST,
    ),
    Mutation(
        "sign-out is a POST everywhere",
        "versions.py",
        'EARLIER_ROUTES = {("GET", "/api/v1/auths/signout")}',
        "EARLIER_ROUTES: set[tuple[str, str]] = set()",
        "signing_out",
    ),
]


def mutant(mutation: Mutation, folder: Path, monkeypatch: pytest.MonkeyPatch) -> type:
    """The class EmbeddedServer of a copy with the mutation."""
    name = f"mutant_{MUTATIONS.index(mutation)}"
    shutil.copytree(
        ROOT / "openwebui_users" / "testing",
        folder / name,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    Edit(mutation.file, mutation.old, mutation.new).apply(folder / name)
    monkeypatch.syspath_prepend(str(folder))
    try:
        made: type = importlib.import_module(name).EmbeddedServer
    finally:
        for module in [one for one in sys.modules if one.partition(".")[0] == name]:
            del sys.modules[module]
    return made


@pytest.fixture(scope="module")
def honest() -> dict[str, dict[str, Any]]:
    """What the embedded server says without a lie: a mutation counts only where this agrees."""
    answers = {}
    for version in (NEWEST, OLDEST):
        with EmbeddedServer(version=version) as server:
            answers[version] = play(EmbeddedStage(server)).comparable()
    return answers


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name.replace(" ", "_"))
def test_a_lie_is_noticed(
    mutation: Mutation,
    honest: dict[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = mutation.noticed_by
    expected = {case: recorded(mutation.version)[case]}
    assert differences(expected, {case: honest[mutation.version][case]}) == []
    with mutant(mutation, tmp_path, monkeypatch)(version=mutation.version) as server:
        answers = play(EmbeddedStage(server)).comparable()
    assert differences(expected, {case: answers[case]}) != []
