"""Run the benchmarks that are named, or all: each module here has a `main()` that prints."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main(wanted: list[str]) -> int:
    there = sorted(
        name for _, name, _ in pkgutil.iter_modules(benchmarks.__path__) if not name.startswith("_")
    )
    if unknown := [name for name in wanted if name not in there]:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(there)}", file=sys.stderr)
        return 2
    for name in wanted or there:
        print(f"\n## {name}\n", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
