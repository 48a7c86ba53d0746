"""Routes below /api/v1/auths."""

from __future__ import annotations

import datetime
import re
import secrets
import time
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from .access import (
    PROHIBITED,
    TAKEN,
    TOO_LONG,
    Admin,
    Anybody,
    Body,
    Collapse,
    Data,
    Verified,
    credential_of,
    found,
    is_too_long,
    validated,
)
from .database import Database, Row
from .images import ImageUrl
from .permissions import has_permission, of_user

router = APIRouter(prefix="/api/v1/auths")

SECONDS_OF_A_TOKEN = 28 * 86400
SIGN_INS = 15  # for one e-mail address in SIGN_IN_SECONDS
SIGN_IN_SECONDS = 180
WRONG_SIGN_IN = (
    "The email or password provided is incorrect. Please check for typos and try logging in again."
)
BAD_EMAIL = (
    "The email format you entered is invalid. Please double-check and make sure you're using a "
    "valid email address (e.g., yourname@example.com)."
)
NO_KEY = (
    "Oops! It looks like there's a hiccup. The API key is missing. Please make sure to provide a "
    "valid API key to access this feature."
)
NO_KEYS = "API key creation is not allowed in the environment."
NOT_ADDED = "An internal error occurred while adding the user."


class SigninForm(BaseModel):
    email: str
    password: str


class OldestSignupForm(BaseModel):
    name: str
    email: str
    password: str
    profile_image_url: str | None = "/user.png"


class OldestAddUserForm(OldestSignupForm):
    role: str | None = "pending"


class OldestProfileForm(BaseModel):
    profile_image_url: str
    name: str
    bio: str | None = None
    gender: str | None = None
    date_of_birth: datetime.date | None = None


class SignupForm(OldestSignupForm):
    profile_image_url: ImageUrl | None = "/user.png"


class AddUserForm(OldestAddUserForm):
    profile_image_url: ImageUrl | None = "/user.png"


class ProfileForm(OldestProfileForm):
    profile_image_url: ImageUrl


class TimezoneForm(BaseModel):
    timezone: str


class PasswordForm(BaseModel):
    password: str
    new_password: str


def face(database: Database, user: Row) -> Row:
    """Who a user is, as sign-in tells it."""
    image = f"/api/v1/users/{user['id']}/profile/image"
    if database.is_oldest:
        image = user["profile_image_url"]
    own = {key: user[key] for key in ("id", "name", "role", "email")}
    return {**own, "profile_image_url": image}


def session(database: Database, user: Row, token: str) -> Row:
    known = database.token(token)
    return {
        **face(database, user),
        "token": token,
        "token_type": "Bearer",
        "expires_at": known["expires_at"] if known else None,
        "permissions": of_user(database, user["id"]),
    }


def new_session(database: Database, user: Row) -> Row:
    token = database.new_token(user["id"], int(time.time()) + SECONDS_OF_A_TOKEN)
    return session(database, user, token)


def check_new(database: Database, email: str, password: str, too_long: HTTPException) -> None:
    if not re.fullmatch(r"[^@]+@[^@]+\.[^@]+", email):
        raise HTTPException(400, BAD_EMAIL)
    if database.user_by_email(email) is not None:
        raise HTTPException(400, TAKEN)
    if is_too_long(password):
        raise too_long


def too_often(database: Database, email: str) -> bool:
    """Were there more than so many sign-ins with this address in the last minutes?"""
    attempts = database.sign_ins.setdefault(email.lower(), [])
    now = time.monotonic()
    attempts[:] = [at for at in attempts if now - at < SIGN_IN_SECONDS]
    if len(attempts) >= SIGN_INS:
        return True
    attempts.append(now)
    return False


@router.post("/signin")
def signin(database: Data, form_data: SigninForm) -> Any:
    if too_often(database, form_data.email):
        raise HTTPException(429, "API rate limit exceeded")
    user = database.user_by_email(form_data.email)
    if user is None or not database.check_password(user["id"], form_data.password):
        raise HTTPException(400, WRONG_SIGN_IN)
    return new_session(database, user)


@router.post("/signup")
def signup(database: Data, body: Body) -> Any:
    form_data = validated(OldestSignupForm if database.is_oldest else SignupForm, body)
    if not database.config("signup", False):
        raise HTTPException(403, PROHIBITED)
    check_new(database, form_data.email, form_data.password, HTTPException(400, TOO_LONG))
    user = database.add_user(
        form_data.name,
        form_data.email.lower(),
        form_data.password,
        "pending",
        form_data.profile_image_url,
    )
    return new_session(database, user)


@router.get("/signout")
@router.post("/signout")
def sign_out() -> Any:
    """Ends the session in the browser only: the token stays valid, as on the real server."""
    return {"status": True}


@router.get("/")
def get_session_user(request: Request, user: Anybody, database: Data) -> Any:
    credential = credential_of(request) or ""
    if credential.startswith("sk-") and not database.is_oldest:
        raise HTTPException(403, "A human session is required.")
    beyond = ("bio", "gender", "date_of_birth", "status_emoji", "status_message")
    return {
        **session(database, user, credential),
        **{key: user[key] for key in (*beyond, "status_expires_at", "profile_image_url")},
    }


@router.post("/add")
def add_user(_: Admin, database: Data, body: Body) -> Any:
    form_data = validated(OldestAddUserForm if database.is_oldest else AddUserForm, body)
    # The oldest server stumbles over its own refusal.
    refusal = HTTPException(500, NOT_ADDED) if database.is_oldest else HTTPException(400, TOO_LONG)
    check_new(database, form_data.email, form_data.password, refusal)
    image = form_data.profile_image_url
    if form_data.role is None or (image is None and database.is_oldest):
        raise HTTPException(500, NOT_ADDED)
    email = form_data.email.lower()
    user = database.add_user(form_data.name, email, form_data.password, form_data.role, image)
    expires_at = None if database.is_oldest else int(time.time()) + SECONDS_OF_A_TOKEN
    token = database.new_token(user["id"], expires_at)
    return {**face(database, user), "token": token, "token_type": "Bearer"}


@router.post("/update/profile")
def update_profile(user: Verified, database: Data, body: Body) -> Any:
    form_data = validated(OldestProfileForm if database.is_oldest else ProfileForm, body)
    user.update(form_data.model_dump(mode="json"))
    database.store_user(user)
    stored = found(database.user(user["id"]))
    return {**face(database, stored), "profile_image_url": stored["profile_image_url"]}


@router.post("/update/timezone")
def update_timezone(user: Anybody, database: Data, form_data: TimezoneForm) -> Any:
    user["timezone"] = form_data.timezone
    database.store_user(user)
    return {"status": True}


@router.post("/update/password")
def update_password(user: Anybody, database: Data, form_data: PasswordForm) -> Any:
    if not database.check_password(user["id"], form_data.password):
        raise HTTPException(
            400, "The password provided is incorrect. Please check for typos and try again."
        )
    if is_too_long(form_data.new_password):
        raise Collapse if database.is_oldest else HTTPException(400, TOO_LONG)
    database.set_password(user["id"], form_data.new_password)
    if not database.is_oldest:
        database.revoke_tokens_of(user["id"])
    return True


def check_keys_allowed(database: Database, user: Row) -> None:
    if not has_permission(database, user["id"], "features", "api_keys"):
        raise HTTPException(403, NO_KEYS)


@router.get("/api_key")
def get_api_key(user: Anybody, database: Data) -> Any:
    if not database.is_oldest:
        check_keys_allowed(database, user)
    return {"api_key": found(database.api_key(user["id"]), NO_KEY, 404)}


@router.post("/api_key")
def generate_api_key(user: Anybody, database: Data) -> Any:
    check_keys_allowed(database, user)
    key = f"sk-{secrets.token_hex(16)}"
    database.set_api_key(user["id"], key)
    return {"api_key": key}


@router.delete("/api_key")
def delete_api_key(user: Anybody, database: Data) -> Any:
    if not database.is_oldest:
        check_keys_allowed(database, user)
    database.set_api_key(user["id"], None)
    return True
