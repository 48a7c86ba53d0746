"""The default permissions that the imitated server starts with, by section."""

from __future__ import annotations

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

# What a form stands for where it leaves a permission out: the server's own defaults.
DEFAULTS: Permissions = {
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


def copy_of(permissions: Permissions) -> Permissions:
    """Sections and flags that can be changed without changing the original."""
    return {section: dict(flags) for section, flags in permissions.items()}


def defaults_of(oldest: bool) -> Permissions:
    """The defaults of the imitated version."""
    if not oldest:
        return copy_of(DEFAULTS)
    return {
        section: {
            name: value
            for name, value in flags.items()
            if name not in LATER_PERMISSIONS.get(section, ())
        }
        for section, flags in DEFAULTS.items()
        if section not in LATER_SECTIONS
    }


def with_extra(extra: Permissions | None, oldest: bool = False) -> Permissions:
    """The defaults, and permissions that only a later server would know."""
    merged = defaults_of(oldest)
    for section, flags in (extra or {}).items():
        merged.setdefault(section, {}).update(flags)
    return merged


def as_stored(known: Permissions, form: Permissions, extra: Permissions) -> Permissions:
    """What the server makes of a form: whole, unknown keys dropped, what is missing at its default.

    `extra` are the keys beyond the defaults that this server knows; left out they become False.
    """
    stored = copy_of(known)
    for section, flags in extra.items():
        stored.setdefault(section, {}).update(dict.fromkeys(flags, False))
    for section, flags in form.items():
        for name, value in flags.items():
            if name in known.get(section, {}):
                stored[section][name] = value
    return stored
