"""Reads a stranger's JSON: what isn't of the kind, the range or the size asked for is refused.

Every function takes a value and what it is called, and raises a `ModelError` that names it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Any, NoReturn

from affectspace.errors import ModelError

LONGEST_TEXT = 200  # characters of a name
DEEPEST = 40  # levels of lists and objects in each other


def parse(data: bytes, what: str) -> Any:
    """Read JSON without NaN, infinity, deep nesting, or text that can't be printed again."""
    try:
        value = json.loads(
            data.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite_float
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # lone surrogates
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{what} is no JSON that can be read: {short(str(error))}") from None
    if _depth(value) > DEEPEST:
        raise ModelError(f"{what} is no JSON that can be read: nested too deeply")
    return value


def members(value: Any, what: str, names: Collection[str]) -> dict[str, Any]:
    """An object with just these members."""
    found = mapping(value, what)
    missing = [name for name in names if name not in found]
    extra = [name for name in found if name not in names]
    if missing:
        raise ModelError(f"{what} lacks {', '.join(missing)}")
    if extra:
        raise ModelError(f"{what} has members that are not known: {short(extra)}")
    return found


def mapping(value: Any, what: str) -> dict[str, Any]:
    """An object."""
    return value if isinstance(value, dict) else _refuse(value, what, "an object")


def listing(value: Any, what: str, longest: int) -> list[Any]:
    """A list of at most so many entries."""
    if not isinstance(value, list):
        _refuse(value, what, "a list")
    if len(value) > longest:
        raise ModelError(f"{what} has {len(value)} entries; at most {longest} are read")
    return value


def text(value: Any, what: str, longest: int = LONGEST_TEXT) -> str:
    """A text of one line."""
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        _refuse(value, what, f"one line of text, at most {longest} characters")
    return value


def integer(value: Any, what: str, low: int, high: int) -> int:
    """An integer from low to high."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        _refuse(value, what, f"an integer from {low} to {high}")
    return value


def boolean(value: Any, what: str) -> bool:
    """True or false."""
    return value if isinstance(value, bool) else _refuse(value, what, "true or false")


def number(value: Any, what: str) -> float:
    """A finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        _refuse(value, what, "a number")
    try:
        return float(value)
    except OverflowError:
        _refuse(value, what, "a number")


def pair(value: Any, what: str) -> tuple[float, float]:
    """Two numbers."""
    if not isinstance(value, list) or len(value) != 2:
        _refuse(value, what, "two numbers")
    return number(value[0], what), number(value[1], what)


def short(value: object) -> str:
    """A stranger's value, short enough and safe for a message."""
    shown = repr(value)
    return shown if len(shown) <= 100 else f"{shown[:100]} ..."


def _refuse(value: Any, what: str, wanted: str) -> NoReturn:
    raise ModelError(f"{what} should be {wanted}, and is {short(value)}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:20]} is no number that a computer holds")
    return value


def _depth(value: Any) -> int:
    """How many levels lie in each other; level by level, so that depth costs no stack."""
    depth, level = 0, [value]
    while level := [
        inner
        for outer in level
        if isinstance(outer, dict | list)
        for inner in (outer.values() if isinstance(outer, dict) else outer)
    ]:
        depth += 1
    return depth
