"""Administer the users of an Open WebUI server.

Example:
    ```python
    from openwebui_users import UsersClient

    with UsersClient("https://chat.example.com", api_key="sk-…") as client:
        for user in client.get_users(order_by="email").users:
            print(user.email, user.role)
    ```
"""

import os as _os

from . import models
from ._core import (
    AsyncAuthsClient,
    AsyncChannelsClient,
    AsyncGroupsClient,
    AsyncUsersClient,
    AuthsClient,
    ChannelsClient,
    GroupsClient,
    ModelList,
    RawResponse,
    UsersClient,
    __version__,
    version_info,
)
from .models import *  # noqa: F403 - every model class, as its __all__ lists them

__all__ = [
    "AsyncAuthsClient",
    "AsyncChannelsClient",
    "AsyncGroupsClient",
    "AsyncUsersClient",
    "AuthsClient",
    "ChannelsClient",
    "GroupsClient",
    "ModelList",
    "RawResponse",
    "UsersClient",
    "__version__",
    "version_info",
]
__all__ += models.__all__

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from . import errors, options
    from .errors import *  # noqa: F403
    from .options import *  # noqa: F403

    __all__ += errors.__all__
    __all__ += options.__all__
else:
    _names = __all__
    del __all__  # so that __getattr__ is asked: the list is complete with the other modules only

    def __getattr__(name: str) -> object:
        """Exceptions and options, which are imported when the first of them is named."""
        if name == "__all__" or not name.startswith("_"):
            # `from . import` would ask here again
            import openwebui_users.errors as errors
            import openwebui_users.options as options

            if name == "__all__":
                return [*_names, *errors.__all__, *options.__all__]
            for module in (errors, options):
                if name in module.__all__:
                    return getattr(module, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})


if _os.environ.get("OPENWEBUI_LOG"):
    from ._observe import log_to_stderr as _log_to_stderr

    _log_to_stderr(_os.environ["OPENWEBUI_LOG"])
