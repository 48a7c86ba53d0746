"""Compare the tables with the OpenAPI documents of servers: those in openapi/ and real ones."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from raw_server import Connection, RawServer, reply
from real_server import RealServer

from openwebui_users import _core
from openwebui_users.testing import EmbeddedServer
from openwebui_users.testing.drift import as_tuple, compare, is_at_least, main

DOCUMENTS = Path(__file__).parent / "openapi"
VERSIONS = sorted((path.stem for path in DOCUMENTS.glob("*.json")), key=as_tuple)
NEWEST = VERSIONS[-1]
# Until 0.10.2 an update was to be whole, and members of channels were whole users. Nothing else.
OLDER = {"UserUpdateForm", "ChannelMemberResponse"}


@cache
def document(version: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCUMENTS / f"{version}.json").read_text())
    return found


def routes(version: str) -> set[tuple[str, str]]:
    return {
        (method.upper(), path.replace("{group_id}", "{id}"))
        for path, operations in document(version)["paths"].items()
        for method in operations
    }


# ---------------------------------------------------------------- what is


@pytest.mark.parametrize("row", _core.endpoint_table(), ids=lambda row: row["name"])
def test_since_when_a_call_is_there(row: dict[str, Any]) -> None:
    """And by which method it was asked before."""
    has_it = [version for version in VERSIONS if (row["method"], row["path"]) in routes(version)]
    older = row["older_before"]
    if older is not None:
        assert has_it[0] == older
        has_it = [
            version
            for version in VERSIONS
            if (row["older_method"], row["path"]) in routes(version) or version in has_it
        ]
    assert has_it == VERSIONS[VERSIONS.index(row["since"]) :]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_drift_but_what_is_known(version: str) -> None:
    found = [str(one) for one in compare(document(version), version)]
    is_old = not is_at_least(version, "0.10.2")
    assert [one for one in found if not is_old or one.split()[1].split(".")[0] not in OLDER] == []
    assert bool(found) == is_old


@pytest.mark.real_server
def test_no_drift_of_a_real_server(
    real_server: RealServer, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([real_server.url])
    out, err = capsys.readouterr()
    assert err.endswith(f"differences from Open WebUI {real_server.version}\n")
    expected = [str(one) for one in compare(document(real_server.version), real_server.version)]
    assert (code, out.splitlines()) == (1 if expected else 0, expected)


# ---------------------------------------------------------------- what would be found


def without_a_route(api: dict[str, Any]) -> None:
    del api["paths"]["/api/v1/users/{user_id}/active"]


def with_a_route(api: dict[str, Any]) -> None:
    api["paths"]["/api/v1/users/{user_id}/avatar"] = {"put": {"responses": {}}}


def with_a_parameter(api: dict[str, Any]) -> None:
    operation = api["paths"]["/api/v1/users/"]["get"]
    operation["parameters"].append({"name": "team", "in": "query", "schema": {"type": "string"}})


def without_a_parameter(api: dict[str, Any]) -> None:
    operation = api["paths"]["/api/v1/users/"]["get"]
    operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "query"]


def with_another_type_of_a_parameter(api: dict[str, Any]) -> None:
    for one in api["paths"]["/api/v1/users/"]["get"]["parameters"]:
        if one["name"] == "page":
            one["schema"] = {"type": "string"}


def with_a_field(api: dict[str, Any]) -> None:
    api["schemas"]["UserGroupIdsModel"]["properties"]["badge"] = {"type": "string"}


def without_a_field(api: dict[str, Any]) -> None:
    del api["schemas"]["UserGroupIdsModel"]["properties"]["bio"]


def with_another_type_of_a_field(api: dict[str, Any]) -> None:
    api["schemas"]["UserGroupIdsModel"]["properties"]["created_at"] = {"type": "string"}


def with_nulls(api: dict[str, Any]) -> None:
    field = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    api["schemas"]["UserGroupIdsModel"]["properties"]["email"] = field


def with_a_required_field(api: dict[str, Any]) -> None:
    api["schemas"]["UserUpdateForm"]["required"] = ["role"]


def without_a_body(api: dict[str, Any]) -> None:
    del api["paths"]["/api/v1/users/{user_id}/update"]["post"]["requestBody"]


CHANGES: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (
        without_a_route,
        "gone    users.get_user_active_status_by_id, GET /api/v1/users/{user_id}/active",
    ),
    (with_a_route, "new     PUT /api/v1/users/{user_id}/avatar"),
    (with_a_parameter, "new     users.get_users, parameter team"),
    (without_a_parameter, "gone    users.get_users, parameter query"),
    (
        with_another_type_of_a_parameter,
        "changed users.get_users, parameter page: int here, str there",
    ),
    (with_a_field, "new     UserGroupIdsModel.badge: in UserGroupIdsListResponse.users"),
    (without_a_field, "gone    UserGroupIdsModel.bio: in UserGroupIdsListResponse.users"),
    (with_another_type_of_a_field, "changed UserGroupIdsModel.created_at: int here, str there"),
    (with_nulls, "changed UserGroupIdsModel.email: may be null"),
    (with_a_required_field, "changed UserUpdateForm.role: required by the server"),
    (without_a_body, "gone    users.update_user_by_id, body"),
]


@pytest.mark.parametrize(("change", "told"), CHANGES, ids=[one[0].__name__ for one in CHANGES])
def test_a_change_is_told(change: Callable[[dict[str, Any]], None], told: str) -> None:
    changed = copy.deepcopy(document(NEWEST))
    change(changed)
    assert [str(one) for one in compare(changed, NEWEST)] == [told]


def test_a_call_that_is_there_before_its_time() -> None:
    found = {one.what.split(",")[0] for one in compare(document(NEWEST), "0.10.2")}
    assert "users.revoke_user_sessions" in found


# ---------------------------------------------------------------- the command


def test_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(DOCUMENTS / f"{NEWEST}.json")
    assert main([path, "--version", NEWEST]) == 0
    assert main([path]) == 2
    assert "--version" in capsys.readouterr().err
    broken = tmp_path / "api.json"
    broken.write_text("{}")
    assert main([str(broken), "--version", NEWEST]) == 2
    assert main([str(tmp_path / "none.json"), "--version", NEWEST]) == 2
    assert main([path, "--version", "new"]) == 2


def test_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    changed = copy.deepcopy(document(NEWEST))
    with_a_route(changed)
    whole = {"paths": changed["paths"], "components": {"schemas": changed["schemas"]}}

    def answer(connection: Connection, request: bytes) -> None:
        path = request.split(b" ")[1]
        body = whole if path == b"/openapi.json" else {"version": NEWEST}
        reply(json.dumps(body).encode())(connection, request)

    with RawServer(answer) as raw:
        assert main([raw.url]) == main([f"{raw.url}/openapi.json"]) == 1
    out, err = capsys.readouterr()
    assert set(out.splitlines()) == {"new     PUT /api/v1/users/{user_id}/avatar"}
    assert err == f"1 difference from Open WebUI {NEWEST}\n" * 2


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "null", '"x"', "3", "NaN", "{}", '{"paths": []}', '{"paths": null}', "[" * 100_000),
        '{"components": null, "paths": {}}',
        '{"paths": {"/api/v1/users/": null}}',
        '{"paths": {"/api/v1/users/": {"get": "x"}}}',
        '{"paths": {"/api/v1/users/": {"get": {"parameters": ["x"]}}}}',
        '{"paths": {"/api/v1/users/": {"get": {"parameters": [{"name": "page"}]}}}}',
    ],
)
def test_what_is_no_document(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    path = tmp_path / "api.json"
    path.write_text(text)
    assert main([str(path), "--version", NEWEST]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "no OpenAPI document" in err


def test_types_in_short() -> None:
    changed = copy.deepcopy(document(NEWEST))
    changed["schemas"]["UserGroupIdsModel"]["properties"]["email"] = {"type": ["string", "null"]}
    (found,) = compare(changed, NEWEST)
    assert str(found) == "changed UserGroupIdsModel.email: may be null"


def test_names_of_a_server_are_text_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = copy.deepcopy(document(NEWEST))
    changed["paths"]["/api/v1/users/\x1b]0;a\x07\n0 differences\ud800"] = {"get": {}}
    path = tmp_path / "\x1bapi.json"
    path.write_text(json.dumps(changed))
    assert main([str(path), "--version", NEWEST]) == 1
    assert main([str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == "new     GET /api/v1/users/\\x1b]0;a\\x07\\n0 differences\\ud800\n"
    assert err.isprintable() is False and "\x1b" not in err


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@127.0.0.1:9",
        "HTTP://user:s3cret@127.0.0.1:9/x?y#z",
        "ftp://user:s3cret@127.0.0.1:9/x",
        "http://127.0.0.1:9/openapi.json?token=s3cret",
    ],
)
def test_no_secret_of_an_address_is_told(capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert main([url]) == 2
    out, err = capsys.readouterr()
    assert "127.0.0.1:9" in err and "s3cret" not in out + err


def test_no_extra_is_needed() -> None:
    script = """
import sys
sys.modules["fastapi"] = sys.modules["uvicorn"] = None
from openwebui_users.testing.drift import main
try:
    from openwebui_users.testing import EmbeddedServer
except ImportError as error:
    print(error)
sys.exit(main([sys.argv[1], "--version", sys.argv[2]]))
"""
    command = [sys.executable, "-c", script, str(DOCUMENTS / f"{NEWEST}.json"), NEWEST]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "openwebui_users[server]" in done.stdout) == (0, True), done.stderr


def test_a_server_that_shows_none(capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedServer() as server:
        assert main([server.url]) == 2
    assert "ENV=dev" in capsys.readouterr().err
