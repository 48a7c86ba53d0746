"""Exceptions: hierarchy, text, attributes, pickling, and what they never show."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys
from typing import Any

import pytest

import openwebui_users
from openwebui_users import errors
from openwebui_users.errors import (
    AdminRequiredError,
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConnectError,
    EmailTakenError,
    Headers,
    InternalServerError,
    InvalidPasswordError,
    NotFoundError,
    OpenWebUIError,
    PermissionDeniedError,
    RateLimitError,
    ReadError,
    ResponseValidationError,
    SerializationError,
    ServiceUnavailableError,
    UnprocessableEntityError,
    UserNotFoundError,
    ValidationError,
    from_answer,
    from_failure,
)

SECRET = "sk-0123456789abcdef"
USER = {"id": "u1", "name": "Ada", "password": SECRET, "api_key": SECRET}
CLASSES = sorted(
    (c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, OpenWebUIError)),
    key=lambda c: c.__name__,
)

# ---------------------------------------------------------------- hierarchy


BASES: dict[str, tuple[str, ...]] = {
    "ConfigurationError": ("OpenWebUIError", "ValueError"),
    "ValidationError": ("OpenWebUIError", "ValueError"),
    "SerializationError": ("OpenWebUIError", "ValueError"),
    "ClientClosedError": ("OpenWebUIError", "RuntimeError"),
    "MissingLibraryError": ("OpenWebUIError", "ImportError"),
    "APIConnectionError": ("OpenWebUIError", "ConnectionError"),
    "ConnectError": ("APIConnectionError",),
    "DNSError": ("ConnectError",),
    "ProxyError": ("ConnectError",),
    "TLSError": ("ConnectError",),
    "ReadError": ("APIConnectionError",),
    "IncompleteReadError": ("ReadError",),
    "WriteError": ("APIConnectionError",),
    "ProtocolError": ("APIConnectionError",),
    "APITimeoutError": ("APIConnectionError", "TimeoutError"),
    "ConnectTimeout": ("APITimeoutError",),
    "PoolTimeout": ("APITimeoutError",),
    "ReadTimeout": ("APITimeoutError",),
    "APIResponseError": ("OpenWebUIError",),
    "ResponseDecodeError": ("APIResponseError",),
    "ResponseValidationError": ("APIResponseError",),
    "UnexpectedContentTypeError": ("APIResponseError",),
    "ResponseTooLargeError": ("APIResponseError",),
    "RedirectError": ("APIResponseError",),
    "UnsupportedByServerError": ("OpenWebUIError",),
    "APIStatusError": ("OpenWebUIError",),
    "BadRequestError": ("APIStatusError",),
    "EmailTakenError": ("BadRequestError",),
    "InvalidPasswordError": ("BadRequestError",),
    "UserNotFoundError": ("NotFoundError", "BadRequestError"),
    "AuthenticationError": ("APIStatusError",),
    "AdminRequiredError": ("AuthenticationError",),
    "PermissionDeniedError": ("APIStatusError",),
    "NotFoundError": ("APIStatusError",),
    "ConflictError": ("APIStatusError",),
    "UnprocessableEntityError": ("APIStatusError",),
    "RateLimitError": ("APIStatusError",),
    "InternalServerError": ("APIStatusError",),
    "ServiceUnavailableError": ("InternalServerError",),
    "OpenWebUIError": ("Exception",),
}


def test_hierarchy_is_complete() -> None:
    assert {c.__name__ for c in CLASSES} == set(BASES)
    assert {c.__name__ for c in CLASSES} <= set(errors.__all__)


@pytest.mark.parametrize("name", BASES)
def test_bases(name: str) -> None:
    cls = getattr(errors, name)
    assert tuple(b.__name__ for b in cls.__bases__ if not b.__name__.startswith("_")) == BASES[name]
    assert getattr(openwebui_users, name) is cls
    assert cls.__module__ == "openwebui_users.errors"
    assert cls.__doc__


def test_import_is_light() -> None:
    code = (
        "import sys; before = set(sys.modules); import openwebui_users.errors; "
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - before}))"
    )
    # datetime is not among them: the core itself needs its C interface.
    heavy = {"json", "email", "pickle", "inspect", "dataclasses", "logging", "typing"}
    out = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    loaded = set(eval(out))
    assert not loaded & heavy, loaded


# ---------------------------------------------------------------- pickling


REQUEST = {"method": "GET", "url": "http://h/api/v1/users/", "retries_taken": 2}
ANSWER = {"status_code": 200, "headers": [("Content-Type", "text/html")], "body": b"<html>"}
FAULT = {"type": "missing", "loc": ("users", 0, "id"), "msg": "Field required", "input": {"a": 1}}


def example(cls: type[OpenWebUIError]) -> OpenWebUIError:
    """An instance with every attribute that the class has."""
    special: dict[str, dict[str, Any]] = {
        "IncompleteReadError": {"received": 3, "expected": 10},
        "ResponseDecodeError": {"offset": 4, "line": 1, "column": 5},
        "ResponseValidationError": {"title": "UserModel", "faults": [FAULT]},
        "ResponseTooLargeError": {"received": 11, "limit": 10},
        "RedirectError": {"location": "https://elsewhere/"},
        "UnsupportedByServerError": {"needs": "0.9.0", "server_version": "0.6.42"},
    }
    if cls is ValidationError:
        return ValidationError("UserModel", [FAULT])
    if cls is SerializationError:
        return SerializationError("no NaN", ("info", "a", 0))
    keywords: dict[str, Any] = {**REQUEST, **special.get(cls.__name__, {})}
    if issubclass(cls, APIResponseError):
        keywords.update(ANSWER)
    if issubclass(cls, APIStatusError):
        keywords.update(ANSWER, status_code=418, detail=[{"loc": ["body", "x"], "msg": "bad"}])
    if issubclass(cls, APIConnectionError):
        keywords["errno"] = 111
    return cls("what happened", **keywords)


def facts(error: OpenWebUIError) -> dict[str, Any]:
    found = {"type": type(error), "args": error.args, "str": str(error), **vars(error)}
    if isinstance(error, OSError):
        found["errno"] = error.errno
    return found


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(cls: type[OpenWebUIError], protocol: int) -> None:
    error = example(cls)
    assert facts(pickle.loads(pickle.dumps(error, protocol))) == facts(error)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_copy(cls: type[OpenWebUIError]) -> None:
    error = example(cls)
    assert facts(copy.copy(error)) == facts(error)
    assert facts(copy.deepcopy(error)) == facts(error)


def test_subclasses_and_notes_survive() -> None:
    error = example(NotFoundError)
    error.__dict__["mine"] = {"a": 1}
    assert vars(pickle.loads(pickle.dumps(error)))["mine"] == {"a": 1}


def test_pickle_of_an_input_that_cannot_be_pickled() -> None:
    error = ValidationError("UserModel", [{**FAULT, "input": (i for i in range(3))}])
    again = pickle.loads(pickle.dumps(error))
    assert again.errors()[0]["input"].startswith("<generator")
    assert again.error_count() == 1


# ---------------------------------------------------------------- validation errors


def test_text_as_pydantic_has_it() -> None:
    error = ValidationError(
        "UserModel",
        [
            {"type": "missing", "loc": ("id",), "msg": "Field required", "input": {"name": "x"}},
            {"type": "int_type", "loc": ("m", 0, "a.b"), "msg": "Input should be", "input": None},
            {"type": "model_type", "loc": (), "msg": "Input should be a dict", "input": 5},
        ],
    )
    assert str(error) == (
        "3 validation errors for UserModel\n"
        "id\n"
        "  Field required [type=missing, input_value={'name': 'x'}, input_type=dict]\n"
        "m.0.`a.b`\n"
        "  Input should be [type=int_type, input_value=None, input_type=NoneType]\n"
        "  Input should be a dict [type=model_type, input_value=5, input_type=int]"
    )
    assert repr(error) == str(error)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 200, "'" + "x" * 24 + "..." + "x" * 23 + "'"),
        ({"k": "é" * 80}, "{'k': 'ééééééééé...ééééééééééé'}"),
        ("a" * 48, "'" + "a" * 48 + "'"),
    ],
)
def test_long_inputs_are_cut_as_pydantic_cuts_them(value: object, shown: str) -> None:
    fault = {"type": "t", "loc": ("n",), "msg": "m", "input": value}
    assert f"input_value={shown}, " in str(ValidationError("M", [fault]))


def test_errors_are_fresh_and_complete() -> None:
    error = ValidationError("UserModel", [FAULT])
    assert error.errors() == [FAULT]
    error.errors()[0]["loc"] = ()
    assert error.errors(include_url=False) == [FAULT]
    assert error.errors(include_input=False) == [
        {"type": "missing", "loc": ("users", 0, "id"), "msg": "Field required"}
    ]
    assert error.error_count() == 1
    assert error.title == "UserModel"
    assert isinstance(error, ValueError)


def test_json() -> None:
    error = ValidationError("UserModel", [{**FAULT, "input": [b"\xff", {1}, object]}])
    rows = json.loads(error.json())
    assert rows[0]["loc"] == ["users", 0, "id"]
    assert rows[0]["input"][1] == [1]
    assert "\n  " in error.json(indent=2)
    assert "input" not in json.loads(error.json(include_input=False))[0]


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_unprintable_input() -> None:
    assert "<unprintable Unprintable object>" in str(
        ValidationError("M", [{**FAULT, "input": Unprintable()}])
    )


def shown(error: BaseException) -> str:
    """Every way in which an exception is looked at, pickled ones included."""
    again = pickle.loads(pickle.dumps(error))
    texts = [str(error), repr(error), str(again), repr(again), str(error.args)]
    if isinstance(error, (ValidationError, ResponseValidationError)):
        texts += [error.json(), repr(error.errors())]
    return "\n".join(texts)


CYCLE: dict[str, Any] = {"password": SECRET}
CYCLE["self"] = [CYCLE]
DEEP: Any = {"password": SECRET}
for _ in range(5000):
    DEEP = [DEEP]
WIDE: Any = {"token": SECRET}
for _ in range(8):
    WIDE = [WIDE, WIDE]


@pytest.mark.parametrize(
    "value",
    [
        USER,
        {"users": [{"api_key": SECRET}]},
        ({"oauth": {"google": {"sub": SECRET}}},),
        CYCLE,
        DEEP,
        WIDE,
    ],
    ids=["flat", "nested", "tuple", "cycle", "deep", "shared"],
)
def test_secrets_in_inputs_are_masked(value: Any) -> None:
    error = ValidationError("AddUserForm", [{**FAULT, "input": value}])
    assert SECRET not in str(error) + repr(error) + repr(error.args)
    if value is not DEEP:
        assert SECRET not in shown(error)


def test_masking_changes_neither_the_input_nor_what_holds_no_secret() -> None:
    plain = {"name": "Ada", "info": {"a": [1]}}
    error = ValidationError("M", [{**FAULT, "input": plain}, {**FAULT, "input": USER}])
    assert error.errors()[0]["input"] is plain
    assert USER["password"] == SECRET
    assert error.errors()[1]["input"]["name"] == "Ada"


def test_json_text_with_a_secret_is_masked() -> None:
    fault = {"type": "json_invalid", "loc": (), "msg": "Invalid JSON"}
    secret = ValidationError("M", [{**fault, "input": f'{{"password": "{SECRET}"'}])
    assert SECRET not in shown(secret)
    assert ValidationError("M", [{**fault, "input": '{"id":'}]).errors()[0]["input"] == '{"id":'


def test_response_validation_error() -> None:
    many = [{**FAULT, "loc": ("users", i)} for i in range(100)]
    error = ResponseValidationError("GET http://h/: no fit", title="L", faults=many, **REQUEST)
    assert error.error_count() == 100
    assert str(error).startswith("GET http://h/: no fit\n100 validation errors for L\nusers.0\n")
    assert "... and 80 more" in str(error)
    assert not isinstance(error, ValidationError)


# ---------------------------------------------------------------- answers


NOT_FOUND = "We could not find what you're looking for :/"
PERMISSION = "You do not have permission to access this resource. Please contact your administrator"

ANSWERS: list[tuple[int, Any, bool, type[APIStatusError], str]] = [
    (400, NOT_FOUND, True, UserNotFoundError, "no OAuth sessions"),
    (400, NOT_FOUND, False, BadRequestError, "no OAuth sessions"),
    (404, NOT_FOUND, True, UserNotFoundError, "no OAuth sessions"),
    (404, "User not found.", True, UserNotFoundError, "no OAuth sessions"),
    (404, "Not Found", True, NotFoundError, "base URL"),
    (404, "Group not found.", False, NotFoundError, ""),
    (400, "Uh-oh! This email is already registered. Sign in", True, EmailTakenError, "another"),
    (400, "Uh-oh! The password you entered is too long.", True, InvalidPasswordError, "72 bytes"),
    (400, "The email or password provided is incorrect.", False, InvalidPasswordError, "Check"),
    (400, "The password provided is incorrect.", False, InvalidPasswordError, "does not match"),
    (400, "The email format you entered is invalid.", True, BadRequestError, "name@example.com"),
    (400, "[ERROR: 7]", False, BadRequestError, "[ERROR: 7]"),
    (401, "Not authenticated", False, AuthenticationError, "OPENWEBUI_API_KEY"),
    (401, "401 Unauthorized", False, AuthenticationError, "Check the API key"),
    (401, "Your session has expired or the token is invalid.", False, AuthenticationError, "Sign"),
    (401, PERMISSION, True, AdminRequiredError, "administrator"),
    (403, PERMISSION, False, PermissionDeniedError, "may not"),
    (403, "A human session is required.", False, PermissionDeniedError, "signin()"),
    (403, "Use of API key is not enabled in the environment.", False, PermissionDeniedError, "key"),
    (403, "The requested action has been restricted as a security measure.", True,
     PermissionDeniedError, "primary administrator"),
    (403, "user status is disabled", False, PermissionDeniedError, "enable this feature"),
    (405, "Method Not Allowed", False, APIStatusError, "version"),
    (409, "Authentication changed.", False, errors.ConflictError, "repeat"),
    (413, None, False, APIStatusError, "less"),
    (418, None, False, APIStatusError, "418"),
    (429, "API rate limit exceeded", False, RateLimitError, "Wait a while"),
    (500, "Could not verify primary admin status.", True, InternalServerError, "primary"),
    (502, None, False, InternalServerError, "proxy"),
    (503, None, False, ServiceUnavailableError, "Wait"),
    (504, None, False, InternalServerError, "proxy"),
    (599, None, False, InternalServerError, "log"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "detail", "user_route", "cls", "advice"), ANSWERS)
def test_answers(
    status: int, detail: Any, user_route: bool, cls: type[APIStatusError], advice: str
) -> None:
    error = from_answer(
        status_code=status,
        detail=detail,
        body=b"{}",
        headers=[("X-A", "1")],
        user_route=user_route,
        hint="No such user, or the user has no OAuth sessions.",
        method="GET",
        url="http://h/api/v1/users/1",
    )
    assert type(error) is cls
    assert str(error).startswith(f"GET http://h/api/v1/users/1: {status}")
    assert advice in str(error)
    assert not detail or str(detail) in str(error)
    assert (error.status_code, error.detail, error.body) == (status, detail, b"{}")
    assert error.headers["x-a"] == "1"
    assert (error.method, error.url) == ("GET", "http://h/api/v1/users/1")
    assert facts(pickle.loads(pickle.dumps(error))) == facts(error)


def test_every_status_has_an_exception() -> None:
    for status in range(400, 1000):
        assert str(status) in str(from_answer(status_code=status))


def test_form_errors() -> None:
    detail = [
        {"type": "missing", "loc": ["body", "email"], "msg": "Field required", "input": USER},
        {"type": "string_type", "loc": ["body", "password"], "msg": "No", "input": SECRET},
        {"type": "int_parsing", "loc": ["query", "page"], "msg": "Not int", "input": "x"},
        "not a row",
    ]
    error = from_answer(status_code=422, detail=detail)
    assert isinstance(error, UnprocessableEntityError)
    assert "body.email: Field required; body.password: No; query.page: Not int" in str(error)
    rows = error.errors()
    assert [row["loc"] for row in rows] == [
        ("body", "email"),
        ("body", "password"),
        ("query", "page"),
    ]
    assert rows[0]["input"]["name"] == "Ada"
    assert rows[2]["input"] == "x"
    assert SECRET not in repr(rows) + str(error) + repr(error)
    assert from_answer(status_code=422, detail="text").errors() == []  # type: ignore[attr-defined]


def test_details_are_cut_and_made_printable() -> None:
    error = from_answer(status_code=400, detail="a\x1b[31m\nb\u202e" + "x" * 5000)
    assert "\x1b" not in str(error) and "\n" not in str(error) and "\u202e" not in str(error)
    assert len(str(error)) < 1000
    assert str(from_answer(status_code=400, detail={"message": "wrapped"})) == "400 wrapped"
    assert str(from_answer(status_code=400, detail=[1, None, {"a": 1}]))
    assert "12 bytes, text/html" in str(
        from_answer(
            status_code=502, body=b"<html>secret", headers=[("content-type", "text/html; q")]
        )
    )


def test_a_server_that_repeats_the_key() -> None:
    error = from_answer(status_code=401, detail=f"bad token {SECRET}", secret=SECRET)
    assert SECRET not in str(error) + repr(error)
    failure = from_failure("ProtocolError", f"odd line: Bearer {SECRET}", secret=SECRET)
    assert SECRET not in str(failure) + repr(failure)


def test_failures() -> None:
    error = from_failure(
        "ConnectError",
        "refused",
        base_url="http://h:1",
        errno=111,
        **REQUEST,  # type: ignore[arg-type]
    )
    assert type(error) is ConnectError
    assert error.errno == 111
    assert isinstance(error, ConnectionError)
    assert str(error) == (
        "GET http://h/api/v1/users/: refused. Is the server running, and is http://h:1 its address?"
    )
    assert issubclass(APITimeoutError, TimeoutError) and issubclass(ReadError, ConnectionError)


# ---------------------------------------------------------------- headers


def test_headers() -> None:
    headers = Headers([("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X", "é")])
    assert headers["SET-COOKIE"] == "a=1, b=2"
    assert headers.get_list("Set-cookie") == ["a=1", "b=2"]
    assert headers.get_list("none") == []
    assert dict(headers) == {"set-cookie": "a=1, b=2", "x": "é"}
    assert "x" in headers and "y" not in headers
    assert headers.get("y") is None and len(headers) == 2
    assert "a=1" not in repr(headers)
    assert pickle.loads(pickle.dumps(headers)) == headers
    assert headers.lines[1] == ("set-cookie", "b=2")
    with pytest.raises(KeyError):
        headers["y"]


def test_signatures_can_be_read() -> None:
    for cls in CLASSES:
        assert inspect.signature(cls).parameters
