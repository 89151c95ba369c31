"""Has methods that are made of functions look like them."""

import functools
import inspect
from collections.abc import Callable
from typing import TypeVar

Method = TypeVar("Method", bound=Callable[..., object])


def described(method: Method, describe: Callable[..., object]) -> Method:
    """Have `help()` and editors show name, words and parameters of *describe*."""
    functools.update_wrapper(method, describe)
    signature = inspect.signature(describe)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__signature__ = signature.replace(parameters=[itself, *signature.parameters.values()])  # type: ignore[attr-defined]
    return method
