"""Let the n-th allocation of an operation fail, for all n: a script for a separate process.

    sweep.py GROUP URL [NAME]

It prints the output of look_at_each(): how often an operation was run, how often it failed, and
what was wrong.
"""

from __future__ import annotations

import _testcapi  # type: ignore[import-not-found, unused-ignore]
import ctypes
import itertools
import math
import pickle
import sys
from typing import Any

from every_operation import look_at_each
from held import Held, growth
from operations import ERRORS_ARE_PYTHON, NO_PYTHON, Operation

from openwebui_users import _describe, _html, errors
from openwebui_users.errors import ResponseValidationError, ValidationError

QUIET = 12  # rounds without a failure after which no allocation is left
EVERY = 350  # so many allocations fail one by one; of those beyond, of the large tables only, one
FACTOR = 16  # in so many, and of those beyond the same number again one in its square
SWEEPS = 3  # in each of which memory must have grown to be leaking
MOST_WRONG = 20

# What CPython itself makes of memory that runs out, of our operations as of its own.
EXCEPTIONS: tuple[tuple[type[BaseException], str], ...] = (
    # its loop, when it can make no traceback for an exception that is being caught (3.10, 3.11)
    (SystemError, "error return without exception set"),
    (SystemError, "_PyEval_EvalFrameDefault returned NULL without setting an exception"),
    # the same, where C calls a function of Python
    (SystemError, "<function "),
    # pickle, whatever went wrong while it looked for a class
    (pickle.PicklingError, "import of module"),
    (pickle.PicklingError, "not found as"),
    # os.fspath(), whatever went wrong
    (TypeError, "must be a path or None, not PosixPath"),
)


def is_expected(error: BaseException) -> bool:
    """Is it MemoryError, or one of EXCEPTIONS?"""
    return type(error) is MemoryError or any(
        type(error) is kind and text in str(error) for kind, text in EXCEPTIONS
    )


def same(a: Any, b: Any) -> bool:
    """Is a as good as b, which came undisturbed?"""
    if isinstance(a, (ValidationError, ResponseValidationError)):
        # input that cannot be searched for secrets, for want of memory, is masked
        return type(a) is type(b) and _places(a) == _places(b)
    if isinstance(a, BaseException) or isinstance(b, BaseException):
        # PyErr_Format() of 3.10 raises the class alone where there is no memory for a text
        is_silent = sys.version_info < (3, 11) and not str(a)
        return type(a) is type(b) and (is_silent or str(a) == str(b))
    return type(a) is type(b) and bool(a == b or repr(a) == repr(b))


def _places(error: ValidationError | ResponseValidationError) -> list[Any]:
    return [(fault["type"], fault["loc"], fault["msg"]) for fault in error.errors()]


_thread_dict = ctypes.pythonapi.PyThreadState_GetDict
_thread_dict.restype = ctypes.c_void_p  # borrowed, which py_object would not be


def forget_reprs() -> None:
    """Py_ReprLeave() of CPython fails silently: what is shown next there would be "..."."""
    own: Any = ctypes.cast(_thread_dict(), ctypes.py_object).value
    own.get("Py_Repr", []).clear()


def run_failing(operation: Operation, nth: int) -> tuple[Any, BaseException | None]:
    """Run it while the n-th allocation fails: result or exception."""
    result = error = None
    run = operation.run
    _testcapi.set_nomemory(nth, nth + 1)
    try:
        result = run()
    except BaseException as caught:
        error = caught
    finally:
        _testcapi.remove_mem_hooks()
    forget_reprs()
    return result, error if error is None else error.with_traceback(None)


def stand_in() -> None:
    """Let functions of C stand in for those of Python that the extension calls only to hand on what
    they return; and, where Python is no subject, for the classes of exceptions."""
    for module, one in (
        (_describe, "repr_html"),
        (_describe, "repr_mimebundle"),
        (_html, "repr_html"),
    ):
        setattr(module, one, type)
    _html.repr_mimebundle = itertools.chain  # type: ignore[assignment]
    if ERRORS_ARE_PYTHON:
        return
    for name in ("ConfigurationError", "SerializationError", "ValidationError"):
        setattr(errors, name, type(name, (ValueError,), {}))


class Sweep:
    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.rounds = 0
        self.failing: list[int] = []
        self.wrong: list[str] = []
        for _ in range(3):
            self.expected = operation.run()  # what is made once is made
        if not same(self.expected, operation.run()):
            self.wrong.append("it differs each time")

    def crashes_python(self) -> bool:
        """CPython 3.12 and 3.13 let go of code twice when there is no memory for a function of it,
        be it a lambda or a generator expression, and crash later. So operations make none, and
        those that run functions of Python's own, or of this package, are left to 3.10 and 3.11.
        """
        return self.operation.python and sys.version_info >= NO_PYTHON

    def run(self) -> None:
        n = quiet = 0
        step = 1
        while quiet < QUIET and len(self.wrong) < MOST_WRONG:
            n += step
            if self._fails(n):
                quiet = 0
                self.failing.append(n)
            else:
                quiet += 1
            if self.rounds % EVERY == 0:
                step *= FACTOR
        if (
            not self.operation.python
        ):  # CPython leaks functions that it has no memory for, and pickles
            self._look_for_leaks()

    def _fails(self, n: int) -> bool:
        """Let the n-th allocation fail: was it noticed?"""
        self.rounds += 1
        result, error = run_failing(self.operation, n)
        if error is None:
            if not same(result, self.expected):
                self.wrong.append(f"{n}: returned {result!r}"[:300])
            return False
        if not is_expected(error):
            self.wrong.append(f"{n}: raised {error!r}"[:300])
        try:
            again = self.operation.run()
            if not same(again, self.expected):
                self.wrong.append(f"{n}: the next one returned something else: {again!r}"[:300])
        except Exception as failure:
            self.wrong.append(f"{n}: the next one raised {failure!r}"[:300])
        return True

    def _again(self) -> None:
        for n in self.failing:
            run_failing(self.operation, n)

    def _look_for_leaks(self) -> None:
        """What grows with every sweep is a leak; caches grow once."""
        for _ in range(SWEEPS):
            more: Held = growth(self._again, 1)
            # what is lost takes 32 bytes at least; a block may be 16 longer than it was before
            if not more.exceeds(math.inf, 0, 16):
                return
        self.wrong.append(f"leaks {more}")


def look(operation: Operation) -> dict[str, Any]:
    sweep = Sweep(operation)
    if not sweep.crashes_python():
        sweep.run()
    return {
        "rounds": sweep.rounds,
        "failures": len(sweep.failing),
        "wrong": sweep.wrong,
    }


if __name__ == "__main__":
    stand_in()
    look_at_each(look)
