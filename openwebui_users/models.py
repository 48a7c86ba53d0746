"""Every model class: what an Open WebUI server sends and takes.

The classes are made by the compiled core from its table of models; their types are in the stubs.
"""

from . import _core
from ._core import Model

__all__ = ["Model"]

for _name, _value in vars(_core).items():
    if isinstance(_value, type) and _value.__module__ == __name__:
        globals()[_name] = _value
        __all__.append(_name)
del _name, _value
