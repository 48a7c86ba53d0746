"""What differs between the versions that the embedded server imitates. Facts only."""

from __future__ import annotations

OLDEST = "0.6.42"
NEWEST = "0.12.4"
VERSIONS = (NEWEST, OLDEST)

# Method and path of the routes that OLDEST does not have.
LATER_ROUTES = {
    ("GET", "/api/v1/users/default/permissions/defaults"),
    ("GET", "/api/v1/users/user/variables"),
    ("POST", "/api/v1/users/user/variables/update"),
    ("GET", "/api/v1/users/usage"),
    ("GET", "/api/v1/users/{user_id}/info"),
    ("GET", "/api/v1/users/{user_id}/preview"),
    ("POST", "/api/v1/users/{user_id}/sessions/revoke"),
    ("POST", "/api/v1/auths/update/timezone"),
    ("POST", "/api/v1/auths/signout"),
    ("GET", "/api/v1/groups/id/{group_id}/members"),
}
# And of those that only OLDEST has.
EARLIER_ROUTES = {("GET", "/api/v1/auths/signout")}
# Permissions of NEWEST that OLDEST does not know: sections, then single ones.
LATER_SECTIONS = {"access_grants", "settings"}
LATER_PERMISSIONS = {
    "workspace": {"skills", "models_hidden", "skills_import", "skills_export"},
    "sharing": {
        "skills",
        "public_skills",
        "folders",
        "public_chats",
        "open_chats",
        "public_calendars",
    },
    "chat": {"web_upload", "import"},
    "features": {"memories", "calendar", "encrypted_channels", "automations", "webhooks"},
}


def has_route(version: str, method: str, path: str) -> bool:
    """Does a server of this version have the route?"""
    absent = LATER_ROUTES if version == OLDEST else EARLIER_ROUTES
    return (method, path) not in absent
