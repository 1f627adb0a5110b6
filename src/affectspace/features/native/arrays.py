"""NumPy or torch: whose functions work on an array.

`array_api_compat` brings torch to the array API standard. NumPy follows the standard by itself from
2.1 on, and is used as it is, but for functions that NumPy wraps in Python. A clip of 3 s takes some
2,000 calls, for which the wrappers need more time than there is to compute, so these functions call
what is behind: a fifth of the time of such a clip.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import array_api_compat
import numpy as np

_add: Any = np.add.reduce
_maximum: Any = np.maximum.reduce
_minimum: Any = np.minimum.reduce
_multiply: Any = np.multiply.reduce


class _Lean(ModuleType):
    """NumPy, with short ways to what is called most."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        setattr(self, name, found)
        return found

    @staticmethod
    def sum(x: Any, *, axis: int, keepdims: bool = False) -> Any:
        return _add(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def max(x: Any, *, axis: int, keepdims: bool = False) -> Any:
        return _maximum(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def min(x: Any, *, axis: int, keepdims: bool = False) -> Any:
        return _minimum(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def any(x: Any, *, axis: int) -> Any:
        return np.logical_or.reduce(x, axis=axis)

    @staticmethod
    def mean(x: Any, *, axis: int, keepdims: bool = False) -> Any:
        return _add(x, axis=axis, keepdims=keepdims) / x.shape[axis]

    @staticmethod
    def prod(x: Any, *, axis: int) -> Any:
        return _multiply(x, axis=axis)

    @staticmethod
    def cumulative_sum(x: Any, *, axis: int = 0, dtype: Any = None) -> Any:
        return np.add.accumulate(x, axis=axis, dtype=dtype)

    @staticmethod
    def clip(x: Any, least: Any, most: Any) -> Any:
        if least is not None:
            x = np.maximum(x, least)
        return x if most is None else np.minimum(x, most)

    @staticmethod
    def astype(x: Any, dtype: Any) -> Any:
        return x.astype(dtype)

    @staticmethod
    def take(x: Any, indices: Any, *, axis: int | None = None) -> Any:
        return x.take(indices, axis)

    @staticmethod
    def argmax(x: Any, *, axis: int) -> Any:
        return x.argmax(axis)

    @staticmethod
    def argsort(x: Any, *, axis: int) -> Any:
        return x.argsort(axis)

    @staticmethod
    def reshape(x: Any, shape: tuple[int, ...]) -> Any:
        return x.reshape(shape)

    @staticmethod
    def permute_dims(x: Any, axes: tuple[int, ...]) -> Any:
        return x.transpose(axes)

    @staticmethod
    def stack(arrays: Any, *, axis: int = 0) -> Any:
        place = (slice(None),) * (axis % (arrays[0].ndim + 1))
        return np.concatenate([array[(*place, None)] for array in arrays], axis)

    @staticmethod
    def zeros_like(x: Any) -> Any:
        return np.zeros(x.shape, x.dtype)

    @staticmethod
    def real(x: Any) -> Any:
        return x.real

    @staticmethod
    def imag(x: Any) -> Any:
        return x.imag

    @staticmethod
    def nonzero(x: Any) -> Any:
        return x.nonzero()


_LEAN = _Lean("lean")


def array_namespace(*arrays: Any) -> Any:
    """Return the module whose functions work on arrays; all are of the first one's kind."""
    if type(arrays[0]) is np.ndarray:
        return _LEAN
    return array_api_compat.array_namespace(*arrays)


def device(array: Any) -> Any:
    """Return where an array is: `cpu` for NumPy."""
    return "cpu" if type(array) is np.ndarray else array_api_compat.device(array)


def is_numpy_array(array: Any) -> bool:
    """Tell whether an array is NumPy's."""
    return type(array) is np.ndarray
