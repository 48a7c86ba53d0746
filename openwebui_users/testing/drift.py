"""What a server's OpenAPI says that the tables of this package do not.

    python -m openwebui_users.testing.drift URL [--version 0.12.4]

URL is that of a server, or the path of a file with an OpenAPI document. A server shows its document
only if it was started with ENV=dev. The exit code is 0 without drift, 1 with drift, and 2 if the
document cannot be read.

What is found is "gone" (a call, a parameter or a field of the tables that the server does not
have), "new" (one that the tables do not have) or "changed" (both have it, and differ). Keys that
are new in answers are kept by the models in any case; this tells that there are some.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openwebui_users import OpenWebUIError, UsersClient, _core
from openwebui_users._text import printable

#: Routes below those of the tables that are left out on purpose, as patterns of method and path.
LEFT_OUT = {
    r"\w+ /api/v1/auths/admin/": "settings of the server, not of its users",
    r"\w+ /api/v1/auths/(ldap|mfa/|oauth/)": "steps of a sign-in by a person",
    r"\w+ /api/v1/channels/(?!.*/members$)": "channels themselves",
    r"\w+ /api/v1/channels/.*/update/members/": "channels themselves",
    r"GET /api/v1/groups/id/{id}/(export|info|preview)$": "parts of get_group_by_id",
}
#: Fields of the tables that the OpenAPI documents never have, though answers do or did.
UNDOCUMENTED = {
    "UserModel.variables",
    "UserModel.oauth_sub",
    "UserModel.api_key",
    "ChannelModel.access_control",
}

_KINDS = {"integer": "int", "number": "float", "string": "str", "boolean": "bool"}
_HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, order=True)
class Drift:
    """One difference.

    Attributes:
        kind: "gone", "new" or "changed".
        what: a call with its route, or a parameter or field with the call it was found in.
        detail: what the tables and the server say; "" where the kind says all.
    """

    kind: str
    what: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind:8}{self.what}{': ' if self.detail else ''}{self.detail}"


@dataclass(frozen=True)
class _Type:
    """What a JSON schema allows, in the words of the tables; schema: the name of an object's."""

    kind: str
    schema: str | None = None
    item: _Type | None = None
    nullable: bool = False


def as_tuple(version: str) -> tuple[int, ...]:
    """A version as numbers that can be compared, without what follows them, such as -dev."""
    found = re.match(r"\d+(\.\d+)*", version)
    if found is None:
        raise ValueError(f"no version of a server: {version!r}")
    return tuple(int(part) for part in found[0].split("."))


def is_at_least(version: str, first: str) -> bool:
    """Whether one version is another one, or a later."""
    return as_tuple(version) >= as_tuple(first)


def method_of(call: Mapping[str, Any], version: str) -> str:
    """The HTTP method by which a server of this version is asked for a call of endpoint_table()."""
    is_older = call["older_before"] and not is_at_least(version, call["older_before"])
    return str(call["older_method" if is_older else "method"])


def _without_names(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


class _Comparison:
    """The tables beside one OpenAPI document, as of one version of the server."""

    def __init__(self, document: Mapping[str, Any], version: str) -> None:
        self._schemas = document.get("components", document).get("schemas", {})
        self._routes = {
            (method.upper(), _without_names(path)): (path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if method.upper() in _HTTP_METHODS
        }
        self._models = {row["name"]: row for row in _core.model_table()}
        self._version = version
        # Of older servers it is known that they have fewer fields: the table has no field's age.
        self._is_newest = all(
            is_at_least(version, since) for row in _core.endpoint_table() for since in _ages(row)
        )
        self._compared: set[tuple[str, str]] = set()

    def calls(self) -> Iterator[Drift]:
        """Differences of all calls, and routes that are none."""
        known = set()
        for row in _core.endpoint_table():
            method = method_of(row, self._version)
            route = (method, _without_names(row["path"]))
            known.add(route)
            name = f"{row['resource']}.{row['name']}, {method} {row['path']}"
            found = self._routes.get(route)
            if not is_at_least(self._version, row["since"]):
                if found is not None:
                    yield Drift("changed", name, f"there, though said to come in {row['since']}")
            elif found is None:
                yield Drift("gone", name)
            else:
                yield from self._call(row, f"{row['resource']}.{row['name']}", found[1])
        families = tuple({row["path"].split("/")[3] for row in _core.endpoint_table()})
        for (method, bare), (path, _) in self._routes.items():
            is_ours = path.startswith("/api/v1/") and path.split("/")[3] in families
            name = f"{method} {path}"
            if is_ours and (method, bare) not in known and not _is_left_out(name):
                yield Drift("new", name)

    def _call(
        self, row: Mapping[str, Any], call: str, operation: Mapping[str, Any]
    ) -> Iterator[Drift]:
        ours = {one["name"]: one for one in row["params"] if one["place"] == "query"}
        theirs = {
            one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "query"
        }
        yield from self._names(f"{call}, parameter", ours, theirs)
        for name in ours.keys() & theirs.keys():
            yield from self._kinds(
                f"{call}, parameter {name}", ours[name], self._type(theirs[name].get("schema"))
            )
            if theirs[name].get("required") and not ours[name]["required"]:
                yield Drift("changed", f"{call}, parameter {name}", "required by the server")
        yield from self._body(row, call, operation)
        answer = operation.get("responses", {}).get("200", {}).get("content", {})
        schema = next((one.get("schema") for one in answer.values()), None)
        yield from self._value(f"{call}, answer", row["answer"], self._type(schema))

    def _body(
        self, row: Mapping[str, Any], call: str, operation: Mapping[str, Any]
    ) -> Iterator[Drift]:
        ours = [one for one in row["params"] if one["place"] == "body"]
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if bool(ours) != (schema is not None):
            yield Drift("gone" if ours else "new", f"{call}, body")
        elif ours:
            yield from self._value(f"{call}, body", ours[0], self._type(schema), is_sent=True)

    # ------------------------------------------------------------ names and types

    def _names(
        self, place: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]
    ) -> Iterator[Drift]:
        for name in sorted(theirs.keys() - ours.keys()):
            yield Drift("new", f"{place} {name}")
        for name in sorted(ours.keys() - theirs.keys()):
            since = ours[name].get("since")
            if since is None or is_at_least(self._version, since):
                yield Drift("gone", f"{place} {name}")

    def _type(self, schema: Mapping[str, Any] | None) -> _Type:
        if not schema:
            return _Type("any")
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            is_text = "enum" in self._schemas.get(name, {})
            return _Type("str") if is_text else _Type("model", schema=name)
        choices = schema.get("anyOf", schema.get("oneOf"))
        if isinstance(schema.get("type"), list):  # since OpenAPI 3.1 the same in short
            choices = [{**schema, "type": one} for one in schema["type"]]
        if choices:
            kinds = [one for one in choices if one.get("type") != "null"]
            one = self._type(kinds[0]) if len(kinds) == 1 else _Type("any")
            return _Type(one.kind, one.schema, one.item, nullable=len(kinds) < len(choices))
        kind = schema.get("type")
        if kind == "array":
            return _Type("list", item=self._type(schema.get("items")))
        return _Type("dict" if kind == "object" else _KINDS.get(kind or "", "any"))

    def _kinds(self, place: str, ours: Mapping[str, Any], theirs: _Type) -> Iterator[Drift]:
        kind = "str" if ours["kind"] == "date" else ours["kind"]
        # A document says "any" of much that is not; and an object is an object.
        same = {kind, theirs.kind} <= {"dict", "model"} or kind == theirs.kind
        if not same and "any" not in (kind, theirs.kind):
            yield Drift("changed", place, f"{ours['kind']} here, {theirs.kind} there")
        elif theirs.nullable and not ours["nullable"] and kind != "any":
            yield Drift("changed", place, "may be null")

    def _value(
        self, place: str, ours: Mapping[str, Any], theirs: _Type, *, is_sent: bool = False
    ) -> Iterator[Drift]:
        yield from self._kinds(place, ours, theirs)
        kind, other = ours["kind"], theirs
        if kind == "list" and theirs.item is not None:
            kind, other = ours["item"], theirs.item
        if kind == "model" and other.schema is not None:
            yield from self._fields(place, ours["model"], other.schema, is_sent=is_sent)

    def _fields(self, place: str, model: str, schema: str, *, is_sent: bool) -> Iterator[Drift]:
        if (model, schema) in self._compared or schema not in self._schemas:
            return
        self._compared.add((model, schema))
        ours = {one["alias"]: one for one in self._models[model]["fields"]}
        theirs = self._schemas[schema].get("properties", {})
        required = self._schemas[schema].get("required", ())
        for name in sorted(theirs.keys() - ours.keys()):
            yield Drift("new", f"{model}.{name}", f"in {place}")
        for name in sorted(ours.keys() - theirs.keys()):
            field = ours[name]
            is_documented = not UNDOCUMENTED & {f"{one}.{name}" for one in self._with_bases(model)}
            if is_documented and (self._is_newest or field["required"]):
                yield Drift("gone", f"{model}.{name}", f"in {place}")
        for name in sorted(ours.keys() & theirs.keys()):
            yield from self._value(
                f"{model}.{name}", ours[name], self._type(theirs[name]), is_sent=is_sent
            )
            if is_sent and name in required and not ours[name]["required"]:
                yield Drift("changed", f"{model}.{name}", "required by the server")

    def _with_bases(self, model: str | None) -> Iterator[str]:
        while model is not None and model in self._models:
            yield model
            model = self._models[model]["base"]


def _ages(row: Mapping[str, Any]) -> Iterator[str]:
    yield row["since"]
    yield from (one["since"] for one in row["params"] if one["since"])


def _is_left_out(route: str) -> bool:
    return any(re.match(pattern, route) for pattern in LEFT_OUT)


def compare(document: Mapping[str, Any], version: str) -> list[Drift]:
    """How an OpenAPI document differs from the tables of calls and models.

    Args:
        document: an OpenAPI document of Open WebUI, or its parts "paths" and "schemas".
        version: of the server, such as "0.12.4": calls that came later may be missing.

    Returns:
        The differences, those of a kind together.

    Raises:
        ValueError: it is no OpenAPI document, or that is no version.
    """
    as_tuple(version)
    try:
        return sorted(set(_Comparison(document, version).calls()))
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError) as error:
        raise ValueError(f"this is no OpenAPI document ({type(error).__name__}: {error})") from None


# ---------------------------------------------------------------- the command


def _read(source: str, version: str | None) -> tuple[dict[str, Any], str]:
    """The document and the version; what is wrong ends the command."""
    if not re.match(r"https?://", source, re.IGNORECASE):
        if re.match(r"\w+://", source):
            raise ValueError("must be an address with http:// or https://, or a file")
        if version is None:
            raise ValueError("a file does not say which version it is of: give --version")
        return _parsed(Path(source).read_text(encoding="utf-8")), version
    base = source.removesuffix("/openapi.json")
    with UsersClient(base, api_key="none") as client:
        response = client.request("GET", "/openapi.json")
        if not response.ok or "json" not in (response.headers.get("content-type") or ""):
            raise ValueError(
                f"no OpenAPI document is shown (status {response.status_code}): a server does "
                "so where it was started with ENV=dev"
            )
        return _parsed(response.content), version or client.get_version()


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except RecursionError:
        document = None
    if not isinstance(document, dict):
        raise ValueError("this is no OpenAPI document")
    return document


def _without_secrets(source: str) -> str:
    """An address without user, password and query."""
    return re.sub(r"^(\w+://)[^/?#]*@|[?#].*", r"\1", source, flags=re.DOTALL)


def main(arguments: Iterable[str] | None = None) -> int:
    """Print the drift of a server. Returns: the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m openwebui_users.testing.drift",
        description="Compare a server's OpenAPI document with the tables of this package.",
    )
    parser.add_argument("source", metavar="URL", help="of a server; or a file")
    parser.add_argument("--version", help="of the server; asked for where there is one")
    given = parser.parse_args(None if arguments is None else list(arguments))
    try:
        document, version = _read(given.source, given.version)
        found = compare(document, version)
    except (OSError, OpenWebUIError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        place = _without_secrets(given.source)
        print(f"drift: {printable(place)}: {printable(str(reason))}", file=sys.stderr)
        return 2
    for drift in found:
        print(printable(str(drift)))  # names in it are the server's
    noun = "difference" if len(found) == 1 else "differences"
    print(f"{len(found)} {noun} from Open WebUI {version}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
