"""Has methods that are made of functions look as if they had been written out."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_args

Method = TypeVar("Method", bound=Callable[..., object])


def described(method: Method, describe: Callable[..., object], *, owner: str, pages: Any = None) -> Method:
    """Have `help()`, `inspect` and editors show words and parameters of *describe*, and what the method returns.

    Args:
        method: A function whose first parameter is the client.
        describe: What returns `Steps`; what these lead to is what the method returns.
        owner: The class that the method is of.
        pages: The class of the pages that it returns, where it lists.
    """
    functools.update_wrapper(method, describe, assigned=("__name__", "__doc__"), updated=())
    its_own = inspect.signature(describe)
    result = get_args(its_own.return_annotation)[-1]
    returned = result if pages is None else pages[get_args(result)]
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    told = its_own.replace(parameters=[itself, *its_own.parameters.values()], return_annotation=returned)
    method.__signature__ = told  # type: ignore[attr-defined]
    method.__annotations__ = {**describe.__annotations__, "return": returned}
    method.__qualname__ = f"{owner}.{describe.__name__}"
    return method
