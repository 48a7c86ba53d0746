"""Who asks, may they, and is what they sent a form: what every route begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import fastapi
from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from .database import Database, Row
from .permissions import Permissions

NOT_FOUND = "We could not find what you're looking for :/"
PROHIBITED = (
    "You do not have permission to access this resource. "
    "Please contact your administrator for assistance."
)
EXPIRED = "Your session has expired or the token is invalid. Please sign in again."
NO_LONGER_KNOWN = "Invalid authentication request."
ACTION_PROHIBITED = "The requested action has been restricted as a security measure."
TAKEN = (
    "Uh-oh! This email is already registered. Sign in with your existing account or choose "
    "another email to start anew."
)
TOO_LONG = (
    "Uh-oh! The password you entered is too long. Please make sure your password is less than 72 "
    "bytes long."
)
LONGEST_PASSWORD = 72  # bytes

Form = TypeVar("Form", bound=BaseModel)


class Collapse(Exception):
    """The real server fails here by itself: 500 with plain text."""


def database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


@dataclass(frozen=True)
class Permissible:
    """The form for default permissions, and what they are at the start."""

    form: type[BaseModel]
    initial: Permissions


def permitted_of(request: Request) -> Permissible:
    permissible: Permissible = request.app.state.permissible
    return permissible


def credential_of(request: Request) -> str | None:
    """The token or API key of a request."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential if scheme.lower() == "bearer" and credential else None


def current_user(request: Request) -> Row:
    """Whoever asks, users who wait for approval included."""
    credential = credential_of(request)
    if credential is None:
        raise HTTPException(401, "Not authenticated")
    database = database_of(request)
    if credential.startswith("sk-"):
        user = database.user_by_api_key(credential)
        if user is None:
            raise HTTPException(401, EXPIRED)
        return user
    token = database.token(credential)
    if token is None:
        raise HTTPException(401, "401 Unauthorized")
    user = database.user(token["user_id"])
    if token["revoked"]:
        raise HTTPException(401, "Invalid token")
    if user is None:
        raise HTTPException(401, EXPIRED if database.is_oldest else NO_LONGER_KNOWN)
    database.touch(user["id"])
    return user


def verified_user(user: Annotated[Row, Depends(current_user)]) -> Row:
    if user["role"] not in ("user", "admin"):
        raise HTTPException(401, PROHIBITED)
    return user


def admin_user(user: Annotated[Row, Depends(current_user)]) -> Row:
    if user["role"] != "admin":
        raise HTTPException(401, PROHIBITED)
    return user


Data = Annotated[Database, Depends(database_of)]
Anybody = Annotated[Row, Depends(current_user)]
Verified = Annotated[Row, Depends(verified_user)]
Admin = Annotated[Row, Depends(admin_user)]
Permitted = Annotated[Permissible, Depends(permitted_of)]
# A body whose form depends on the version; see `validated`.
Body = Annotated[Any, fastapi.Body()]


def found(thing: Any, detail: str = NOT_FOUND, status: int = 400) -> Any:
    """The thing, or the server's answer to its absence."""
    if thing is None:
        raise HTTPException(status, detail)
    return thing


def validated(form: type[Form], body: Any) -> Form:
    """The body as this form, where the form depends on the version; 422 like FastAPI's own."""
    try:
        return form.model_validate(body, from_attributes=True)  # as FastAPI does
    except ValidationError as error:
        faults = [
            {**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)
        ]
        raise RequestValidationError(faults) from None


def is_too_long(password: str) -> bool:
    return len(password.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD
