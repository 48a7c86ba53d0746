"""Default permissions: the forms that the imitated server takes them by, and what a user may do."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, create_model

from .database import Database
from .versions import LATER_PERMISSIONS, LATER_SECTIONS

Permissions = dict[str, dict[str, bool]]

OFF_IN_WORKSPACE = (
    "models knowledge prompts tools skills models_import models_export models_hidden "
    "prompts_import prompts_export tools_import tools_export skills_import skills_export"
)
OFF_IN_SHARING = (
    "models public_models knowledge public_knowledge prompts public_prompts tools public_tools "
    "skills public_skills notes public_notes folders public_chats open_chats public_calendars"
)
ON_IN_CHAT = (
    "controls valves system_prompt params file_upload web_upload delete delete_message "
    "continue_response regenerate_response rate_response edit share export import stt tts call "
    "multiple_models temporary"
)
ON_IN_FEATURES = (
    "notes channels folders web_search image_generation code_interpreter memories calendar"
)
OFF_IN_FEATURES = "api_keys encrypted_channels direct_tool_servers automations webhooks"

# What a form stands for where it leaves a permission out.
FORM_DEFAULTS: Permissions = {
    "workspace": dict.fromkeys(OFF_IN_WORKSPACE.split(), False),
    "sharing": dict.fromkeys(OFF_IN_SHARING.split(), False),
    "access_grants": {"allow_users": True, "allow_groups": True},
    "chat": {**dict.fromkeys(ON_IN_CHAT.split(), True), "temporary_enforced": False},
    "features": {
        **dict.fromkeys(ON_IN_FEATURES.split(), True),
        **dict.fromkeys(OFF_IN_FEATURES.split(), False),
    },
    "settings": {"interface": True},
}


def form_defaults(oldest: bool, extra: Permissions) -> Permissions:
    """Those of the imitated version, and False for permissions that only a later one knows."""
    found = {
        section: {
            name: value
            for name, value in flags.items()
            if not (oldest and name in LATER_PERMISSIONS.get(section, ()))
        }
        for section, flags in FORM_DEFAULTS.items()
        if not (oldest and section in LATER_SECTIONS)
    }
    if oldest:
        found["sharing"].update(public_tools=True, public_notes=True)
    for section, flags in extra.items():
        found.setdefault(section, {}).update(dict.fromkeys(flags, False))
    return found


def permissions_form(oldest: bool, extra: Permissions) -> type[BaseModel]:
    """The form by which default permissions are written: all sections, unknown names dropped."""
    sections: dict[str, Any] = {}
    for section, flags in form_defaults(oldest, extra).items():
        fields: dict[str, Any] = {name: (bool, value) for name, value in flags.items()}
        sections[section] = (create_model(section, **fields), ...)
    return create_model("UserPermissions", **sections)


def initial(oldest: bool, extra: Permissions) -> Permissions:
    """What the server starts with; it is set up to give everybody API keys."""
    found = form_defaults(oldest, extra)
    found["sharing"].update(public_tools=False, public_notes=False)
    found["features"]["api_keys"] = True
    for section, flags in extra.items():
        found[section].update(flags)
    return found


def of_user(database: Database, user_id: str) -> Permissions:
    """The default permissions and what a user's groups, and those around them, add."""
    granted: Permissions = database.config("permissions", {})
    for group in database.groups_of(user_id, inherited=True):
        for section, flags in (group["permissions"] or {}).items():
            for name, value in flags.items():
                have = granted.setdefault(section, {})
                have[name] = have.get(name, False) or value
    return granted


def has_permission(database: Database, user_id: str, section: str, name: str) -> bool:
    """May the user, an administrator too, do this?"""
    return bool(of_user(database, user_id).get(section, {}).get(name))
