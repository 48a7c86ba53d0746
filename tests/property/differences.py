"""Intended differences between this package and its peer owui-client, each with the reason.

The tests in this folder compare everything else. Entries about fields are tested too: an entry that
is no longer true is an error, so the list stays true.
"""

from __future__ import annotations

# Fields that the peer requires and this package does not: older servers leave them out, or the
# form may be partial.
OPTIONAL_HERE: dict[str, set[str]] = {
    "UserUpdateForm": {"role", "name", "email", "profile_image_url"},
    "UserPermissions": {"settings", "access_grants"},
    "SigninResponse": {"id", "name", "role", "email", "profile_image_url", "token", "token_type"},
}

# Fields that may be null here and not in the peer: sections that older servers lack, one class for
# the two-step and pending replies to a sign-in, and forms that the server itself lets be null.
NULLABLE_HERE: dict[str, set[str]] = {
    "UserPermissions": {"settings", "access_grants"},
    "SigninResponse": {"id", "name", "role", "email", "profile_image_url", "token", "token_type"},
    "UserUpdateForm": {"role", "name", "email", "profile_image_url"},
}

OTHER_DEFAULT: dict[str, set[str]] = {
    # The peer's grant sharing to everybody, the server's do not.
    "SharingPermissions": {"public_tools", "public_notes"},
    # Kinds float: 0.0 here, the integer 0 in the peer.
    "UserUsageInsights": {
        "assistant_message_share",
        "average_messages_per_active_day",
        "average_tokens_per_chat",
        "user_message_share",
    },
}

# Classes of the peer that have shapes of their own.
NOT_COMPARED: dict[str, str] = {
    "UserInfoListResponse": "its base differs: a UserIdNameListResponse here",
}

# Error types that the peer gives to a whole model because its class reads attributes by default.
OTHER_ERROR_TYPE: dict[str, str] = {
    "model_attributes_type": "model_type",
}
