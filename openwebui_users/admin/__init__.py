"""What administrators do with many users at once."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import fleet
    from ._accounts import reset_passwords, set_role, update_user
    from ._apply import apply
    from ._comparison import Difference
    from ._deletion import Confirmation, DeletionResult, delete_users
    from ._drift import Drift, drift
    from ._errors import (
        AdminError,
        Interrupted,
        InvalidInputError,
        LockedError,
        MissingLibraryError,
        PartialFailureError,
        Problem,
        RefusedError,
        ServerChangedError,
        UnknownOutcomeError,
    )
    from ._expiry import expire_users
    from ._export import ExportResult, export_users
    from ._import import ImportResult, import_users
    from ._inactive import Selection, inactive_users
    from ._members import add_to_group, remove_from_group, set_group_members
    from ._offboarding import deactivate_users, reactivate_users
    from ._permissions import (
        PRESETS,
        EffectivePermissions,
        PermissionsDiff,
        effective_permissions,
        patch_default_permissions,
        permissions_diff,
        preset,
    )
    from ._plan import Plan, Step, plan
    from ._provision import ProvisionResult, provision_user
    from ._results import Result, RowResult
    from ._sessions import revoke_sessions
    from ._snapshot import snapshot
    from ._steps import ApplyResult
    from ._work import Progress

# Verbs are imported when they are asked for: whoever uses one does not pay for all. The imports
# above say the same to checkers of types.
_MODULES = {
    "reset_passwords": "_accounts",
    "set_role": "_accounts",
    "update_user": "_accounts",
    "apply": "_apply",
    "Difference": "_comparison",
    "Confirmation": "_deletion",
    "DeletionResult": "_deletion",
    "delete_users": "_deletion",
    "Drift": "_drift",
    "drift": "_drift",
    "AdminError": "_errors",
    "Interrupted": "_errors",
    "InvalidInputError": "_errors",
    "LockedError": "_errors",
    "PartialFailureError": "_errors",
    "Problem": "_errors",
    "RefusedError": "_errors",
    "ServerChangedError": "_errors",
    "UnknownOutcomeError": "_errors",
    "expire_users": "_expiry",
    "ExportResult": "_export",
    "export_users": "_export",
    "MissingLibraryError": "_errors",
    "ImportResult": "_import",
    "import_users": "_import",
    "Selection": "_inactive",
    "inactive_users": "_inactive",
    "add_to_group": "_members",
    "remove_from_group": "_members",
    "set_group_members": "_members",
    "deactivate_users": "_offboarding",
    "reactivate_users": "_offboarding",
    "PRESETS": "_permissions",
    "EffectivePermissions": "_permissions",
    "PermissionsDiff": "_permissions",
    "effective_permissions": "_permissions",
    "patch_default_permissions": "_permissions",
    "permissions_diff": "_permissions",
    "preset": "_permissions",
    "Plan": "_plan",
    "Step": "_plan",
    "plan": "_plan",
    "ProvisionResult": "_provision",
    "provision_user": "_provision",
    "Result": "_results",
    "RowResult": "_results",
    "revoke_sessions": "_sessions",
    "snapshot": "_snapshot",
    "ApplyResult": "_steps",
    "Progress": "_work",
}

__all__ = [
    "PRESETS",
    "AdminError",
    "ApplyResult",
    "Confirmation",
    "DeletionResult",
    "Difference",
    "Drift",
    "EffectivePermissions",
    "ExportResult",
    "ImportResult",
    "Interrupted",
    "InvalidInputError",
    "LockedError",
    "MissingLibraryError",
    "PartialFailureError",
    "PermissionsDiff",
    "Plan",
    "Problem",
    "Progress",
    "ProvisionResult",
    "RefusedError",
    "Result",
    "RowResult",
    "Selection",
    "ServerChangedError",
    "Step",
    "UnknownOutcomeError",
    "add_to_group",
    "apply",
    "deactivate_users",
    "delete_users",
    "drift",
    "effective_permissions",
    "expire_users",
    "export_users",
    "fleet",
    "import_users",
    "inactive_users",
    "patch_default_permissions",
    "permissions_diff",
    "plan",
    "preset",
    "provision_user",
    "reactivate_users",
    "remove_from_group",
    "reset_passwords",
    "revoke_sessions",
    "set_group_members",
    "set_role",
    "snapshot",
    "update_user",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "fleet":
        return import_module(f"{__name__}.fleet")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
