"""Administer the users of an Open WebUI server.

Example:
    ```python
    from openwebui_users import UsersClient

    with UsersClient("https://chat.example.com", api_key="sk-…") as users:
        for user in users.get_users(order_by="email").users:
            print(user.email, user.role)
    ```
"""

from . import models
from ._core import AuthsClient, ChannelsClient, GroupsClient, RawResponse, UsersClient, __version__
from .models import *  # noqa: F403 - every model class, as its __all__ lists them

__all__ = [
    "AuthsClient",
    "ChannelsClient",
    "GroupsClient",
    "RawResponse",
    "UsersClient",
    "__version__",
]
__all__ += models.__all__

TYPE_CHECKING = False  # as typing has it, without importing typing
if TYPE_CHECKING:
    from . import errors
    from .errors import *  # noqa: F403

    __all__ += errors.__all__
else:
    _names = __all__
    del __all__  # so that __getattr__ is asked: the list is complete with the exceptions only

    def __getattr__(name: str) -> object:
        """The exceptions, which are imported when the first of them is named or raised."""
        if name == "__all__" or not name.startswith("_"):
            import openwebui_users.errors as errors  # `from . import` would ask here again

            if name == "__all__":
                return [*_names, *errors.__all__]
            if name in errors.__all__:
                return getattr(errors, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__getattr__("__all__")})
