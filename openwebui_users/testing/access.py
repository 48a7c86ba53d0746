"""Who asks, and may they: what every route of the embedded server begins with."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request

from .database import Database, Row

NOT_FOUND = "We could not find what you're looking for :/"
PROHIBITED = (
    "You do not have permission to access this resource. "
    "Please contact your administrator for assistance."
)
EXPIRED = "Your session has expired or the token is invalid. Please sign in again."
ACTION_PROHIBITED = "The requested action has been restricted as a security measure."


def database_of(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def credential_of(request: Request) -> str:
    """The token or API key of a request; 401 without one."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise HTTPException(401, "Not authenticated")
    return credential


def current_user(request: Request) -> Row:
    """Whoever asks, users who wait for approval included."""
    credential = credential_of(request)
    database = database_of(request)
    user = database.user_of(credential)
    if user is not None:
        return user
    if credential.startswith("sk-"):
        raise HTTPException(401, EXPIRED)
    revoked = database.was_token(credential)
    raise HTTPException(401, "Invalid token" if revoked else "401 Unauthorized")


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


def found(thing: Any, detail: str = NOT_FOUND, status: int = 400) -> Any:
    """The thing, or the server's answer to its absence."""
    if thing is None:
        raise HTTPException(status, detail)
    return thing
