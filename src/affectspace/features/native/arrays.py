"""NumPy or torch: whose functions work on an array.

`array_api_compat` brings torch to the array API standard. NumPy follows the standard by itself from
2.1 on, and is used as it is: the wrappers around it took a tenth of the time of a clip of 3 s, most
of it where `array_namespace` looks at its arguments, some 200 times a clip.
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np


def array_namespace(*arrays: Any) -> Any:
    """Return the module whose functions work on arrays; all are of the first one's kind."""
    if type(arrays[0]) is np.ndarray:
        return np
    return array_api_compat.array_namespace(*arrays)


def device(array: Any) -> Any:
    """Return where an array is: `cpu` for NumPy."""
    return "cpu" if type(array) is np.ndarray else array_api_compat.device(array)


def is_numpy_array(array: Any) -> bool:
    """Tell whether an array is NumPy's."""
    return type(array) is np.ndarray
