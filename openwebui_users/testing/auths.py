"""Routes below /api/v1/auths."""

from __future__ import annotations

import datetime
import re
import secrets
import time
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from .access import PROHIBITED, Admin, Anybody, Data, Verified, credential_of, found
from .database import Database, Row
from .users import check_password_length, stored_permissions

router = APIRouter(prefix="/api/v1/auths")

DAYS_OF_A_TOKEN = 28
WRONG_SIGN_IN = (
    "The email or password provided is incorrect. Please check for typos and try logging in again."
)
TAKEN = (
    "Uh-oh! This email is already registered. Sign in with your existing account or choose "
    "another email to start anew."
)
BAD_EMAIL = (
    "The email format you entered is invalid. Please double-check and make sure you're using a "
    "valid email address (e.g., yourname@example.com)."
)
NO_KEY = (
    "Oops! It looks like there's a hiccup. The API key is missing. Please make sure to provide a "
    "valid API key to access this feature."
)


class SigninForm(BaseModel):
    email: str
    password: str


class SignupForm(BaseModel):
    name: str
    email: str
    password: str
    profile_image_url: str | None = "/user.png"


class AddUserForm(SignupForm):
    role: str | None = "pending"


class ProfileForm(BaseModel):
    profile_image_url: str
    name: str
    bio: str | None = None
    gender: str | None = None
    date_of_birth: datetime.date | None = None


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
    expires = int(time.time()) + DAYS_OF_A_TOKEN * 86400
    return {
        **face(database, user),
        "token": token,
        "token_type": "Bearer",
        "expires_at": expires,
        "permissions": stored_permissions(database),
    }


def check_new(database: Database, email: str, password: str) -> None:
    if not re.fullmatch(r"[^@]+@[^@]+\.[^@]+", email):
        raise HTTPException(400, BAD_EMAIL)
    if database.user_by_email(email) is not None:
        raise HTTPException(400, TAKEN)
    check_password_length(database, password)


@router.post("/signin")
def signin(database: Data, form_data: SigninForm) -> Any:
    user = database.user_by_email(form_data.email)
    if user is None or not database.check_password(user["id"], form_data.password):
        raise HTTPException(400, WRONG_SIGN_IN)
    return session(database, user, database.new_token(user["id"]))


@router.post("/signup")
def signup(database: Data, form_data: SignupForm) -> Any:
    if not database.config("signup", True):
        raise HTTPException(403, PROHIBITED)
    check_new(database, form_data.email, form_data.password)
    first = database.first_user() is None
    user = database.add_user(
        form_data.name,
        form_data.email.lower(),
        form_data.password,
        "admin" if first else "pending",
        form_data.profile_image_url or "/user.png",
    )
    database.set_config("signup", not first and database.config("signup", True))
    return session(database, user, database.new_token(user["id"]))


@router.get("/signout")
@router.post("/signout")
def sign_out(request: Request) -> Any:
    """Ends the session in the browser only: the token stays valid, as on the real server."""
    credential_of(request)
    return {"status": True}


@router.get("/")
def get_session_user(request: Request, user: Anybody, database: Data) -> Any:
    credential = credential_of(request)
    if credential.startswith("sk-") and not database.is_oldest:
        raise HTTPException(403, "A human session is required.")
    beyond = ("bio", "gender", "date_of_birth", "status_emoji", "status_message")
    return {
        **session(database, user, credential),
        **{key: user[key] for key in (*beyond, "status_expires_at", "profile_image_url")},
    }


@router.post("/add")
def add_user(_: Admin, database: Data, form_data: AddUserForm) -> Any:
    check_new(database, form_data.email, form_data.password)
    user = database.add_user(
        form_data.name,
        form_data.email.lower(),
        form_data.password,
        form_data.role or "pending",
        form_data.profile_image_url or "/user.png",
    )
    return {**face(database, user), "token": database.new_token(user["id"]), "token_type": "Bearer"}


@router.post("/update/profile")
def update_profile(user: Verified, database: Data, form_data: ProfileForm) -> Any:
    user.update(form_data.model_dump(mode="json"))
    database.store_user(user)
    return {**face(database, user), "profile_image_url": user["profile_image_url"]}


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
    check_password_length(database, form_data.new_password)
    database.set_password(user["id"], form_data.new_password)
    database.drop_tokens_of(user["id"])
    return True


@router.get("/api_key")
def get_api_key(user: Verified, database: Data) -> Any:
    return {"api_key": found(database.api_key(user["id"]), NO_KEY, 404)}


@router.post("/api_key")
def generate_api_key(user: Verified, database: Data) -> Any:
    key = f"sk-{secrets.token_hex(16)}"
    database.set_api_key(user["id"], key)
    return {"api_key": key}


@router.delete("/api_key")
def delete_api_key(user: Verified, database: Data) -> Any:
    database.set_api_key(user["id"], None)
    return True
