"""What administrators do with many users at once."""

from openwebui_users.errors import MissingLibraryError

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
from ._snapshot import snapshot
from ._steps import ApplyResult
from ._work import Progress

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
    "set_group_members",
    "set_role",
    "snapshot",
    "update_user",
]
