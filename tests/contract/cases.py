"""The cases that compare embedded and real servers: every route, with its traps.

A case makes everything that it needs itself. Later cases depend on earlier ones only for the number
of users. Each case is played on every version; missing routes of a version show in its answers.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from contract.conversation import Conversation
from contract.stage import Stage

PASSWORD = "secret word"
PICTURE = base64.b64encode(b"not really a picture").decode()
IMAGES = {
    "static": "/static/favicon.png",
    "route": "/api/v1/users/u/profile/image",
    "web": "https://example.com/ann.png",
    "empty": "",
    "data": f"data:image/png;base64,{PICTURE}",
    "upper case": f"DATA:IMAGE/GIF;BASE64,{PICTURE}",
    "svg": f"data:image/svg+xml;base64,{PICTURE}",
    "script": "javascript:alert(1)",
    "relative": "/api/v1/auths/signout",
    "no host": "https:///ann.png",
    "no scheme": "//example.com/ann.png",
}
OLDEST = "0.6.42"
NOBODY = "00000000-0000-4000-8000-000000000000"


class Person:
    """A user that a case added."""

    def __init__(self, talk: Conversation, name: str, role: str = "user") -> None:
        self.name = name
        self.email = f"{name.lower()}@example.com"
        form = {"name": name, "email": self.email, "password": PASSWORD, "role": role}
        answer = talk.ask("POST", "/auths/add", form)
        self.id = talk.label(answer["id"], f"{name}'s id")
        self.token = talk.label(answer["token"], f"{name}'s token")

    def form(self, **changes: Any) -> dict[str, Any]:
        """What an update of this user needs on every version."""
        whole = {"name": self.name, "email": self.email, "role": "user"}
        return {**whole, "profile_image_url": "/user.png", **changes}


# ---------------------------------------------------------------- auths


def signing_up(talk: Conversation, stage: Stage) -> None:
    form = {"name": "Zoe", "email": "Zoe@Example.com", "password": PASSWORD}
    talk.ask("POST", "/auths/signup", form, token=None)
    stage.open_signup()
    zoe = talk.ask("POST", "/auths/signup", form, token=None)
    talk.label(zoe["token"], "Zoe's token")
    talk.label(zoe["id"], "Zoe's id")
    talk.ask("POST", "/auths/signup", form, token=None)
    talk.ask("POST", "/auths/signup", {**form, "email": "zoe"}, token=None)
    talk.ask("POST", "/auths/signup", {**form, "email": "a@b@c.de"}, token=None)
    talk.ask("POST", "/auths/signup", {"name": "Zoe"}, token=None)
    for path in ("/auths/", "/users/all", "/users/search", "/users/user/settings", "/groups/"):
        talk.ask("GET", path, token=zoe["token"])
    talk.ask("GET", "/users/permissions", token=zoe["token"])
    talk.ask("POST", "/auths/update/timezone", {"timezone": "UTC"}, token=zoe["token"])


def adding_users(talk: Conversation, stage: Stage) -> None:
    form = {"name": "Ann", "email": "Ann@Example.com", "password": PASSWORD}
    talk.ask("POST", "/auths/add", form)
    talk.ask("POST", "/auths/add", form)
    talk.ask("POST", "/auths/add", {**form, "email": stage.admin_email.upper()})
    for email in ("ann", "ann@example", "a b@example.com", "@example.com", "ann@", "a@b@c.de", ""):
        talk.ask("POST", "/auths/add", {**form, "email": email})
    talk.ask("POST", "/auths/add", {**form, "email": "role@example.com", "role": "amdin"})
    talk.ask("POST", "/auths/add", {**form, "email": "none@example.com", "role": None})
    talk.ask("POST", "/auths/add", {**form, "email": "long@example.com", "password": "x" * 73})
    talk.ask("POST", "/auths/add", {**form, "email": "fits@example.com", "password": "é" * 36})
    talk.ask(
        "POST", "/auths/add", {**form, "email": "nul@example.com", "name": "a\u0000b 😀\u2028"}
    )
    talk.ask("POST", "/auths/add", {**form, "email": "much@example.com", "password": "é" * 37})
    talk.ask("POST", "/auths/add", {**form, "email": "more@example.com", "more": 1})
    talk.ask("POST", "/auths/add", {"name": "Ann"})
    talk.ask("POST", "/auths/add", {**form, "name": 1})
    talk.ask("POST", "/auths/add", [])
    talk.ask("POST", "/auths/add", {**form, "email": "x@example.com"}, token=None)
    talk.ask("POST", "/auths/add", {**form, "email": "x@example.com"}, token="eyJ")


def pictures_of_new_users(talk: Conversation, stage: Stage) -> None:
    form = {"name": "Pic", "password": PASSWORD, "role": "user"}
    for number, image in enumerate([*IMAGES.values(), None]):
        email = f"pic{number}@example.com"
        added = talk.ask("POST", "/auths/add", {**form, "email": email, "profile_image_url": image})
        if "id" in added:
            talk.label(added["id"], f"the id with picture {number}")
            talk.ask("GET", f"/users/{added['id']}/profile/image")
            talk.ask("DELETE", f"/users/{added['id']}")


def signing_in(talk: Conversation, stage: Stage) -> None:
    bob = Person(talk, "Bob")
    form = {"email": bob.email, "password": PASSWORD}
    first = talk.ask("POST", "/auths/signin", form, token=None)
    talk.ask("GET", "/auths/", token=first["token"])
    talk.ask("GET", "/auths/", token=bob.token)
    talk.ask("POST", "/auths/signin", {**form, "email": bob.email.upper()}, token=None)
    talk.ask("POST", "/auths/signin", {**form, "password": "wrong"}, token=None)
    talk.ask("POST", "/auths/signin", {**form, "password": ""}, token=None)
    talk.ask("POST", "/auths/signin", {**form, "password": "x" * 73}, token=None)
    talk.ask("POST", "/auths/signin", {**form, "email": "nobody@example.com"}, token=None)
    talk.ask("POST", "/auths/signin", {**form, "email": "bob"}, token=None)
    talk.ask("POST", "/auths/signin", {"email": bob.email}, token=None)
    talk.ask("POST", "/auths/signin", {**form, "password": 1}, token=None)


def signing_in_too_often(talk: Conversation, stage: Stage) -> None:
    form = {"email": "guessed@example.com", "password": "guess"}
    for _ in range(16):
        talk.ask("POST", "/auths/signin", form, token=None)
    talk.ask("POST", "/auths/signin", {**form, "email": "GUESSED@example.com"}, token=None)
    talk.ask("POST", "/auths/signin", {**form, "email": "other@example.com"}, token=None)


def who_asks(talk: Conversation, stage: Stage) -> None:
    cid = Person(talk, "Cid")
    for token in (None, "nonsense", "a.b.c", f"sk-{'0' * 32}", cid.token):
        for path in ("/auths/", "/users/", "/users/all", "/groups/", "/users/permissions"):
            talk.ask("GET", path, token=token)
    for path in ("/default/permissions", f"/{cid.id}/oauth/sessions", f"/{cid.id}/groups"):
        talk.ask("GET", f"/users{path}", token=cid.token)
    for path in (f"/{cid.id}", f"/{cid.id}/info", f"/{cid.id}/active", f"/{cid.id}/preview"):
        talk.ask("GET", f"/users{path}", token=cid.token)
    talk.ask("POST", f"/users/{cid.id}/update", cid.form(role="admin"), token=cid.token)
    talk.ask("POST", f"/users/{cid.id}/sessions/revoke", token=cid.token)
    talk.ask("DELETE", f"/users/{cid.id}", token=cid.token)
    talk.ask("POST", "/groups/create", {"name": "g", "description": "d"}, token=cid.token)


def signing_out(talk: Conversation, stage: Stage) -> None:
    dan = Person(talk, "Dan")
    talk.ask("GET", "/auths/signout", token=dan.token)
    talk.ask("POST", "/auths/signout", token=dan.token)
    talk.ask("POST", "/auths/signout", token=None)
    talk.ask("GET", "/auths/", token=dan.token)


def own_profile(talk: Conversation, stage: Stage) -> None:
    eva = Person(talk, "Eva")
    form = {"name": "Eva", "profile_image_url": "/user.png"}
    more = {"bio": "a\u0000b 😀", "gender": "female", "date_of_birth": "1990-02-28"}
    talk.ask("POST", "/auths/update/profile", {**form, **more}, token=eva.token)
    talk.ask("GET", "/auths/", token=eva.token)
    talk.ask("POST", "/auths/update/profile", {**form, "name": "Eve"}, token=eva.token)
    talk.ask("GET", "/auths/", token=eva.token)
    for image in IMAGES.values():
        changed = {**form, "profile_image_url": image}
        talk.ask("POST", "/auths/update/profile", changed, token=eva.token)
        talk.ask("GET", f"/users/{eva.id}/profile/image")
    talk.ask("POST", "/auths/update/profile", {**form, "date_of_birth": "x"}, token=eva.token)
    talk.ask("POST", "/auths/update/profile", {"name": "Eva"}, token=eva.token)
    talk.ask("POST", "/auths/update/timezone", {"timezone": "Europe/Vienna"}, token=eva.token)
    talk.ask("POST", "/auths/update/timezone", {"timezone": "no/where"}, token=eva.token)
    talk.ask("POST", "/auths/update/timezone", {}, token=eva.token)
    talk.ask("GET", "/auths/", token=eva.token)


def own_password(talk: Conversation, stage: Stage) -> None:
    fay = Person(talk, "Fay")
    form = {"password": PASSWORD, "new_password": "another word"}
    path = "/auths/update/password"
    talk.ask("POST", path, {**form, "password": "wrong"}, token=fay.token)
    talk.ask("POST", path, {"password": PASSWORD}, token=fay.token)
    talk.ask("POST", path, {**form, "new_password": "x" * 73}, token=fay.token)
    talk.ask("POST", path, form, token=fay.token)
    talk.ask("GET", "/auths/", token=fay.token)
    sign_in = {"email": fay.email, "password": PASSWORD}
    talk.ask("POST", "/auths/signin", sign_in, token=None)
    talk.ask("POST", "/auths/signin", {**sign_in, "password": "another word"}, token=None)


def api_keys(talk: Conversation, stage: Stage) -> None:
    gil = Person(talk, "Gil")
    talk.ask("GET", "/auths/api_key", token=gil.token)
    key = talk.ask("POST", "/auths/api_key", token=gil.token)["api_key"]
    talk.ask("GET", "/auths/api_key", token=gil.token)
    for path in ("/auths/", "/users/user/settings", "/users/all"):
        talk.ask("GET", path, token=key)
    second = talk.ask("POST", "/auths/api_key", token=gil.token)["api_key"]
    talk.ask("GET", "/users/user/info", token=key)
    talk.ask("GET", "/users/user/info", token=second)
    talk.ask("DELETE", "/auths/api_key", token=gil.token)
    talk.ask("GET", "/users/user/info", token=second)
    talk.ask("GET", "/auths/api_key", token=gil.token)
    talk.ask("DELETE", "/auths/api_key", token=gil.token)
    permissions = talk.ask("GET", "/users/default/permissions")
    without = {**permissions, "features": {**permissions["features"], "api_keys": False}}
    talk.ask("POST", "/users/default/permissions", without)
    talk.ask("POST", "/auths/api_key", token=gil.token)
    talk.ask("GET", "/auths/api_key", token=gil.token)
    talk.ask("POST", "/users/default/permissions", permissions)


# ---------------------------------------------------------------- permissions


def default_permissions(talk: Conversation, stage: Stage) -> None:
    path = "/users/default/permissions"
    before = talk.ask("GET", path)
    talk.ask("GET", f"{path}/defaults")
    flipped = {**before, "chat": {**before["chat"], "import": False, "edit": False}}
    talk.ask("POST", path, flipped)
    talk.ask("GET", path)
    sharing = {"models": True, "invented": True}
    talk.ask("POST", path, {**before, "sharing": sharing, "invented": {"a": True}})
    talk.ask("GET", path)
    talk.ask("POST", path, {**before, "workspace": {}, "chat": {}})
    talk.ask("GET", path)
    talk.ask("POST", path, {"chat": {}})
    talk.ask("POST", path, {**before, "chat": {"edit": "perhaps"}})
    talk.ask("POST", path, {**before, "chat": {"edit": "yes"}})
    talk.ask("POST", path, {**before, "chat": None})
    talk.ask("POST", path, before)
    talk.ask("GET", path)


def effective_permissions(talk: Conversation, stage: Stage) -> None:
    hal = Person(talk, "Hal")
    talk.ask("GET", "/users/permissions", token=hal.token)
    granted = {"workspace": {"models": True, "prompts": False}, "chat": {"edit": False}}
    form = {"name": "Makers", "description": "", "permissions": granted}
    group = talk.ask("POST", "/groups/create", form)["id"]
    talk.label(group, "Makers' id")
    talk.ask("POST", f"/groups/id/{group}/users/add", {"user_ids": [hal.id]})
    talk.ask("GET", "/users/permissions", token=hal.token)
    talk.ask("POST", "/auths/signin", {"email": hal.email, "password": PASSWORD}, token=None)
    talk.ask("GET", "/auths/", token=hal.token)
    talk.ask("DELETE", f"/groups/id/{group}/delete")
    talk.ask("GET", "/users/permissions", token=hal.token)


# ---------------------------------------------------------------- one's own


def own_settings(talk: Conversation, stage: Stage) -> None:
    ida = Person(talk, "Ida")
    path = "/users/user/settings"
    talk.ask("GET", path, token=ida.token)
    exact = {"a": 2**53 + 1, "text": '\u0000\u2028😀"', "deep": {"x": 1, "y": [1, {"z": None}]}}
    forms: list[Any] = [
        {"ui": {"theme": "dark", "own": exact}},
        {"ui": {"own": {"x": 2}, "version": "1"}},
        {"ui": {"theme": None}},
        {"more": {"a": 1}},
        {"more": {"b": 2}, "ui": {}},
        {"more": None},
        {},
        {"ui": {"system": "be kind", "toolServers": [], "memory": True}},
        {"notifications": {"a": 1}, "ui": {"notifications": {"webhook_url": "https://e.com"}}},
        {"ui": None},
        {"ui": 1},
        [],
    ]
    for form in forms:
        talk.ask("POST", f"{path}/update", form, token=ida.token)
        talk.ask("GET", path, token=ida.token)
    talk.ask("GET", path, token=ida.token, query={"raw": "true"})
    talk.ask("POST", f"{path}/update", {"ui": {"toolServers": [1]}})
    talk.ask("GET", path)


def own_status(talk: Conversation, stage: Stage) -> None:
    jon = Person(talk, "Jon")
    path = "/users/user/status"
    talk.ask("GET", path, token=jon.token)
    forms: list[Any] = [
        {"status_emoji": "🏖", "status_message": "away", "status_expires_at": 1_900_000_000},
        {"status_emoji": None, "status_message": "back"},
        {"status_message": "", "status_expires_at": 0},
        {"status_expires_at": "soon"},
        {"unknown": 1},
    ]
    for form in forms:
        talk.ask("POST", f"{path}/update", form, token=jon.token)
        talk.ask("GET", path, token=jon.token)
    talk.ask("GET", f"/users/{jon.id}")


def own_info(talk: Conversation, stage: Stage) -> None:
    kim = Person(talk, "Kim")
    path = "/users/user/info"
    talk.ask("GET", path, token=kim.token)
    talk.ask("POST", f"{path}/update", {"a": 2**53 + 1, "b": {"x": 1}}, token=kim.token)
    talk.ask("POST", f"{path}/update", {"b": {"y": None}, "c": None}, token=kim.token)
    talk.ask("POST", f"{path}/update", {}, token=kim.token)
    talk.ask("POST", f"{path}/update", [1], token=kim.token)
    talk.ask("GET", path, token=kim.token)


def own_variables(talk: Conversation, stage: Stage) -> None:
    lea = Person(talk, "Lea")
    path = "/users/user/variables"
    talk.ask("GET", path, token=lea.token)
    forms: list[Any] = [
        {"variables": {"team": "blue", "floor_2": "a\r\nb"}},
        {"variables": {"team": "red"}},
        {"variables": {"Team": "blue"}},
        {"variables": {"team": 1}},
        {"variables": {"team": "x" * 20_001}},
        {"variables": {f"name_{number}": "x" * 20_000 for number in range(6)}},
        {"variables": None},
        {},
    ]
    for form in forms:
        talk.ask("POST", f"{path}/update", form, token=lea.token)
        talk.ask("GET", path, token=lea.token)


def own_usage(talk: Conversation, stage: Stage) -> None:
    periods: list[dict[str, Any]] = [
        {"start_date": 1_700_000_000, "end_date": 1_700_600_000},
        {"days": 7, "end_date": 1_700_600_000},
        {"days": 8},
        {"start_date": 1_700_600_000, "end_date": 1_700_000_000},
        {"days": 6},
        {"days": 733},
        {"days": "x"},
    ]
    for period in periods:
        talk.ask("GET", "/users/usage", query=period)


# ---------------------------------------------------------------- one user


def one_user(talk: Conversation, stage: Stage) -> None:
    max_ = Person(talk, "Max")
    group = talk.ask("POST", "/groups/create", {"name": "Drivers", "description": ""})["id"]
    talk.label(group, "Drivers' id")
    talk.ask("POST", f"/groups/id/{group}/users/add", {"user_ids": [max_.id]})
    for user_id in (max_.id, NOBODY, "no-uuid"):
        for tail in ("", "/info", "/active", "/groups", "/preview", "/profile/image"):
            talk.ask("GET", f"/users/{user_id}{tail}")
    talk.ask("DELETE", f"/groups/id/{group}/delete")


def updating_users(talk: Conversation, stage: Stage) -> None:
    ned = Person(talk, "Ned")
    path = f"/users/{ned.id}/update"
    forms: list[Any] = [
        ned.form(name="Ned B"),
        {"name": "Ned"},
        {"role": "pending"},
        {"name": None, "email": None},
        {},
        ned.form(role="amdin"),
        ned.form(role=None),
        ned.form(email="NOT an email"),
        ned.form(email=stage.admin_email.upper()),
        ned.form(email=ned.email.upper()),
        ned.form(name=""),
        ned.form(unknown=1),
        ned.form(name=1),
        ned.form(password="x" * 73),
        ned.form(password=""),
        ned.form(password="another word"),
    ]
    for form in forms:
        talk.ask("POST", path, form)
    talk.ask("GET", f"/users/{ned.id}")
    for password in (PASSWORD, "another word"):
        form = {"email": ned.email, "password": password}
        talk.ask("POST", "/auths/signin", form, token=None)
    talk.ask("GET", "/auths/", token=ned.token)
    for image in IMAGES.values():
        talk.ask("POST", path, ned.form(profile_image_url=image))
    talk.ask("POST", f"/users/{NOBODY}/update", ned.form(email="free@example.com"))


def the_primary_administrator(talk: Conversation, stage: Stage) -> None:
    ora = Person(talk, "Ora", role="admin")
    primary = talk.ask("GET", "/auths/")["id"]
    form = {"name": "Boss", "email": stage.admin_email, "profile_image_url": "/user.png"}
    for path, body in (
        ("update", {**form, "role": "admin"}),
        ("update", {"name": "Boss"}),
        ("sessions/revoke", None),
    ):
        talk.ask("POST", f"/users/{primary}/{path}", body, token=ora.token)
    talk.ask("DELETE", f"/users/{primary}", token=ora.token)
    talk.ask("DELETE", f"/users/{primary}")
    talk.ask("POST", f"/users/{primary}/update", {**form, "role": "user"})
    talk.ask("DELETE", f"/users/{ora.id}", token=ora.token)
    talk.ask("DELETE", f"/users/{ora.id}")


def oauth_sessions(talk: Conversation, stage: Stage) -> None:
    pia = Person(talk, "Pia")
    talk.ask("GET", f"/users/{pia.id}/oauth/sessions")
    talk.ask("GET", f"/users/{NOBODY}/oauth/sessions")
    talk.label(stage.add_oauth_session(pia.id), "the session's id")
    talk.ask("GET", f"/users/{pia.id}/oauth/sessions")


def revoking_sessions(talk: Conversation, stage: Stage) -> None:
    quin = Person(talk, "Quin")
    key = talk.ask("POST", "/auths/api_key", token=quin.token)["api_key"]
    talk.ask("POST", f"/users/{quin.id}/sessions/revoke")
    talk.ask("GET", "/auths/", token=quin.token)
    talk.ask("GET", "/users/user/info", token=key)
    talk.ask("POST", "/auths/signin", {"email": quin.email, "password": PASSWORD}, token=None)
    talk.ask("POST", f"/users/{NOBODY}/sessions/revoke")


def deactivating(talk: Conversation, stage: Stage) -> None:
    rex = Person(talk, "Rex")
    talk.ask("POST", f"/users/{rex.id}/update", rex.form(role="pending"))
    talk.ask("GET", "/auths/", token=rex.token)
    talk.ask("GET", "/users/user/info", token=rex.token)
    talk.ask("POST", "/auths/signin", {"email": rex.email, "password": PASSWORD}, token=None)
    talk.ask("POST", f"/users/{rex.id}/update", rex.form())
    talk.ask("GET", "/users/user/info", token=rex.token)


def deleting(talk: Conversation, stage: Stage) -> None:
    sam = Person(talk, "Sam")
    group = talk.ask("POST", "/groups/create", {"name": "Leavers", "description": ""})["id"]
    talk.label(group, "Leavers' id")
    talk.ask("POST", f"/groups/id/{group}/users/add", {"user_ids": [sam.id]})
    key = talk.ask("POST", "/auths/api_key", token=sam.token)["api_key"]
    talk.ask("DELETE", f"/users/{sam.id}")
    talk.ask("DELETE", f"/users/{sam.id}")
    talk.ask("DELETE", f"/users/{NOBODY}")
    talk.ask("GET", f"/users/{sam.id}")
    talk.ask("GET", f"/users/{sam.id}/active")
    talk.ask("GET", f"/groups/id/{group}")
    talk.ask("GET", "/auths/", token=sam.token)
    talk.ask("GET", "/users/user/info", token=key)
    talk.ask("POST", "/auths/signin", {"email": sam.email, "password": PASSWORD}, token=None)
    talk.ask("DELETE", f"/groups/id/{group}/delete")
    again = Person(talk, "Sam")
    talk.ask("GET", f"/users/{again.id}")


# ---------------------------------------------------------------- groups and channels


def groups(talk: Conversation, stage: Stage) -> None:
    tim, uma = Person(talk, "Tim"), Person(talk, "Uma")
    talk.ask("GET", "/groups/")
    form = {"name": "Staff", "description": "d", "permissions": {"chat": {"edit": True}}}
    group = talk.ask("POST", "/groups/create", {**form, "data": {"config": {"x": 1}, "y": 2}})["id"]
    talk.label(group, "Staff's id")
    path = f"/groups/id/{group}"
    talk.ask("POST", "/groups/create", {"name": "Staff"})
    talk.ask("POST", "/groups/create", {**form, "data": {"config": 1}})
    talk.ask("GET", path)
    for ids in ([tim.id, NOBODY], [tim.id], [], None, "text"):
        talk.ask("POST", f"{path}/users/add", {"user_ids": ids})
    talk.ask("POST", f"{path}/users/add", {"users": [uma.id]})
    talk.ask("POST", f"{path}/users/add", {"user_ids": [uma.id]})
    talk.ask("GET", "/groups/", token=tim.token)
    talk.ask("GET", "/groups/", token=tim.token, query={"share": "true"})
    talk.ask("GET", "/groups/", token=tim.token, query={"share": "false"})
    talk.ask("POST", f"{path}/users", unordered=True)
    for query in (
        {},
        {"membership": "direct"},
        {"membership": "inherited"},
        {"membership": "all"},
        {"query": "TIM"},
        {"query": "%"},
        {"page": 2},
        {"page": 0},
    ):
        talk.ask("GET", f"{path}/members", query=query)
    talk.ask("GET", "/users/groups", token=tim.token)
    talk.ask("GET", f"/users/{tim.id}/groups")
    talk.ask("GET", f"/users/{tim.id}/groups", query={"include_inherited": "true"})
    talk.ask("GET", "/users/", query={"query": "tim@"})
    changes: list[Any] = [
        {"name": "Team", "description": "e"},
        {"name": "Team", "description": "e", "permissions": {"chat": {"delete": False}}},
        {"name": "Team", "description": "e", "permissions": {}},
        {"name": "Team", "description": "e", "data": {"config": {"share": True}}},
        {"name": "Team", "description": "e", "data": {"z": 3}},
        {"name": "Team"},
    ]
    for change in changes:
        talk.ask("POST", f"{path}/update", change)
    talk.ask("POST", f"{path}/users/remove", {"user_ids": [uma.id, NOBODY]})
    talk.ask("POST", f"{path}/users/remove", {"user_ids": [uma.id]})
    talk.ask("POST", f"{path}/users/remove", {})
    talk.ask("GET", "/groups/")
    talk.ask("DELETE", f"{path}/delete")
    talk.ask("DELETE", f"{path}/delete")
    talk.ask("GET", "/users/groups", token=tim.token)


def unknown_groups(talk: Conversation, stage: Stage) -> None:
    form = {"name": "Nobody", "description": "d"}
    path = f"/groups/id/{NOBODY}"
    talk.ask("GET", path)
    talk.ask("GET", f"{path}/members")
    talk.ask("POST", f"{path}/update", form)
    talk.ask("POST", f"{path}/users")
    talk.ask("POST", f"{path}/users/add", {"user_ids": []})
    talk.ask("POST", f"{path}/users/remove", {"user_ids": [NOBODY]})
    talk.ask("DELETE", f"{path}/delete")


def groups_within_groups(talk: Conversation, stage: Stage) -> None:
    vic, wes = Person(talk, "Vic"), Person(talk, "Wes")

    def create(name: str, parent: str | None, **more: Any) -> str:
        form = {"name": name, "description": "", "parent_group_id": parent, **more}
        group: str = talk.ask("POST", "/groups/create", form)["id"]
        return talk.label(group, f"{name}'s id")

    outer = create("Outer", None, permissions={"workspace": {"tools": True}})
    inner = create("Inner", outer)
    core = create("Core", inner)
    talk.ask("POST", "/groups/create", {"name": "x", "description": "", "parent_group_id": NOBODY})
    talk.ask("POST", "/groups/create", {"name": "x", "description": "", "parent_group_id": ""})
    talk.ask("POST", f"/groups/id/{core}/users/add", {"user_ids": [vic.id]})
    talk.ask("POST", f"/groups/id/{outer}/users/add", {"user_ids": [wes.id]})
    for membership in ("direct", "inherited", "effective"):
        talk.ask("GET", f"/groups/id/{outer}/members", query={"membership": membership})
    talk.ask("GET", f"/groups/id/{inner}/members")
    talk.ask("POST", f"/groups/id/{outer}/users")
    for inherited in ("false", "true"):
        query = {"include_inherited": inherited}
        talk.ask("GET", "/users/groups", query=query, token=vic.token, unordered=True)
        talk.ask("GET", f"/users/{vic.id}/groups", query=query, unordered=True)
    talk.ask("GET", f"/users/{vic.id}/preview", unordered=True)
    talk.ask("GET", f"/users/{vic.id}")
    talk.ask("GET", "/users/", query={"query": "vic@"})
    talk.ask("GET", "/groups/", token=vic.token, unordered=True)
    talk.ask("GET", "/users/permissions", token=vic.token)
    update = {"name": "Outer", "description": ""}
    talk.ask("POST", f"/groups/id/{outer}/update", {**update, "parent_group_id": core})
    talk.ask("POST", f"/groups/id/{outer}/update", {**update, "parent_group_id": outer})
    talk.ask("POST", f"/groups/id/{outer}/update", {**update, "parent_group_id": NOBODY})
    talk.ask("POST", f"/groups/id/{outer}/update", update)
    talk.ask("DELETE", f"/groups/id/{inner}/delete")
    talk.ask("GET", f"/groups/id/{core}")
    change = {"name": "Core", "description": "", "parent_group_id": None}
    talk.ask("POST", f"/groups/id/{core}/update", change)
    talk.ask("DELETE", f"/groups/id/{core}/delete")
    talk.ask("DELETE", f"/groups/id/{outer}/delete")


def channels(talk: Conversation, stage: Stage) -> None:
    xia, yan = Person(talk, "Xia"), Person(talk, "Yan")
    talk.ask("GET", "/channels/")
    channel = talk.label(stage.add_channel("news", [xia.id]), "the channel's id")
    for token in ("", xia.token, yan.token, None):
        talk.ask("GET", "/channels/", token=token)
        talk.ask("GET", f"/channels/{channel}/members", token=token, unordered=True)
    by_email = {"order_by": "email", "direction": "asc"}
    # The oldest server does not sort members.
    is_oldest = stage.version == OLDEST
    talk.ask("GET", f"/channels/{channel}/members", query=by_email, unordered=is_oldest)
    talk.ask("GET", f"/channels/{channel}/members", query={"query": "xia"})
    talk.ask("GET", f"/channels/{channel}/members", query={"page": 2})
    talk.ask("GET", "/channels/nowhere/members")


# ---------------------------------------------------------------- lists, last: of all there are


def lists(talk: Conversation, stage: Stage) -> None:
    talk.ask("GET", "/users/all", unordered=True)
    for number in range(31):  # more than a page, whatever the other cases left
        Person(talk, f"P{number:02}")
    for column in ("email", "name", "role", "created_at", "last_active_at", "updated_at", "x"):
        for direction in ("asc", "desc", "x"):
            order = {"order_by": column, "direction": direction}
            # Only e-mails and names of these people differ for certain.
            people = {**order, "query": "p0" if column in ("email", "name") else "p20"}
            talk.ask("GET", "/users/", query=people, unordered=column not in ("email", "name"))
    by_email: dict[str, Any] = {"order_by": "email", "direction": "asc"}
    for page in (1, 2, 3, "x", ""):
        talk.ask("GET", "/users/", query={**by_email, "page": page})
        talk.ask("GET", "/users/search", query={**by_email, "page": page})
    for text in ("BOB", "p1%e", "p_3@", "nobody at all", ""):
        query = {**by_email, "query": text, "page": 0 if text == "BOB" else 1}
        talk.ask("GET", "/users/", query=query)
        talk.ask("GET", "/users/search", query={**query, "direction": "desc"})
    talk.ask("GET", "/users/search", query={"query": "bob"})
    talk.ask("GET", "/users/", unordered=False, query={"query": "bob"})


def unknown_routes(talk: Conversation, stage: Stage) -> None:
    talk.ask("GET", "/api/version", token=None)
    for path in ("/nowhere", "/users/nobody/nothing", "/api/v2/users/", "/users", "/users/all/"):
        talk.ask("GET", path)
        talk.ask("POST", path, {})
        talk.ask("DELETE", path)
    talk.ask("PUT", "/users/all", {})
    talk.ask("GET", "/auths/add")


CASES: list[Callable[[Conversation, Stage], None]] = [
    signing_up,
    adding_users,
    pictures_of_new_users,
    signing_in,
    signing_in_too_often,
    who_asks,
    signing_out,
    own_profile,
    own_password,
    api_keys,
    default_permissions,
    effective_permissions,
    own_settings,
    own_status,
    own_info,
    own_variables,
    own_usage,
    one_user,
    updating_users,
    the_primary_administrator,
    oauth_sessions,
    revoking_sessions,
    deactivating,
    deleting,
    groups,
    unknown_groups,
    groups_within_groups,
    channels,
    lists,
    unknown_routes,
]


def play(stage: Stage) -> Conversation:
    """All cases on one server that has nobody but its administrator."""
    talk = Conversation(stage.url, stage.admin_token)
    talk.label(stage.admin_token, "the administrator's token")
    talk.case = "the_administrator"
    me = talk.ask("GET", "/auths/")
    talk.label(me["id"], "the administrator's id")
    talk.label(me["name"], "the administrator's name")
    talk.label(me["email"], "the administrator's email")
    talk.take_default_picture(me["id"])
    for case in CASES:
        talk.case = case.__name__
        try:
            case(talk, stage)
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            talk.broken[talk.case] = f"{type(error).__name__}: {error}"
    return talk
