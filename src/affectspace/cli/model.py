"""`affectspace model`: what a model is, whether its folder is sound, and as ONNX."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from affectspace.model import AffectModel

app = typer.Typer(
    help="What a model is, whether its folder is sound, and writing it as ONNX.",
    no_args_is_help=True,
)

_NAME = "A shipped model's name, a model folder, or hf:ORG/NAME[@REVISION]."
_WIDEST = 140  # characters of a line in the summary
_MOST = 12  # rows of metrics in the summary
_FIRST = ("adjusted_r2", "pearson", "ccc", "mae", "coverage_")  # how a results table's lines start
_RESULT = {"target", "label", "metric", "value"}  # the members of a results table that are shown


@app.command(short_help="What a model is, and how well it does.")
def show(
    name: Annotated[str, typer.Argument(metavar="[NAME|DIR|hf:ORG/NAME]", help=_NAME)] = "default",
    card: Annotated[bool, typer.Option("--card", help="Print the model card.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print config.json.")] = False,
) -> None:
    """Show a model: sizes, feature contract, calibration, training record, metrics, licence.

    Example: affectspace model show --card
    """
    from affectspace.model import find_model, read_card, read_folder

    if card and as_json:
        raise typer.BadParameter("give --card or --json", param_hint="--card")
    folder, source = find_model(name)
    model = replace(read_folder(folder), source=source)
    if card:
        typer.echo(_printable(read_card(folder)), nl=False)
    elif as_json:
        config = json.loads((folder / "config.json").read_bytes())
        typer.echo(json.dumps(config, indent=2))
    else:
        for label, text in _summary(model, folder):
            typer.echo(f"{label + ':' if label else '':<15}{_printable(text)}".rstrip())


@app.command(short_help="Whether a folder is sound, and this installation fits it.")
def check(
    name: Annotated[str, typer.Argument(metavar="[NAME|DIR|hf:ORG/NAME]", help=_NAME)] = "default",
) -> None:
    """Check a model's folder and whether this installation computes its features.

    Prints each check with ok or failed. Exit code 0 if all are ok, else 1.
    """
    from affectspace.model import check_model

    findings = check_model(name)
    for finding in findings:
        state = "ok" if finding.ok else "failed"
        typer.echo(f"{state:<8}{finding.check:<19}{_printable(finding.message)}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command(short_help="Write a model as ONNX.")
def export(
    name: Annotated[str, typer.Argument(metavar="NAME|DIR|hf:ORG/NAME", help=_NAME)],
    onnx: Annotated[Path, typer.Option("--onnx", metavar="FILE", help="The ONNX file to write.")],
) -> None:
    """Write a model as ONNX: features in their own units in; embedding and ratings out.

    Standardisation, clip and offsets are inside the graph. The path goes to stdout.
    """
    from affectspace.model import export_onnx, load_model

    typer.echo(export_onnx(load_model(name), onnx))


def _summary(model: AffectModel, folder: Path) -> Iterator[tuple[str, str]]:
    """The rows of the summary: a label, empty where a row goes on, and its text."""
    from affectspace.model import read_metrics

    spec, calibration = model.spec, model.calibration
    yield "name", model.name or "none"
    yield "version", model.version or "none"
    yield "licence", model.licence or "not stated"
    yield "source", model.source
    yield "card", str(folder / "README.md")
    count = sum(weight.size for weight in model.weights.values())
    yield "network", f"{model.architecture} and back, {count} parameters"
    axes = {k: [f"z{i + 1}" for i in v] or ["all"] for k, v in model.objective.axes.items()}
    named = "; ".join(f"{label} on {', '.join(on)}" for label, on in axes.items())
    yield "objective", f"{model.objective.name}" + (f": {named}" if named else "")
    yield "clip", "none" if model.clip is None else f"{model.clip:g} deviations"
    yield "features", "no contract: can't embed recordings" if spec is None else str(spec)
    if spec is not None:
        yield "", f"{spec.sampling_rate} Hz, channel {spec.channel}, level {spec.level}"
    yield "probe", "none" if model.probe is None else model.probe.signal
    if calibration is None:
        yield "calibration", "none: no intervals, no unusualness"
    else:
        shortest, longest = calibration.durations
        yield "calibration", f"trained on utterances of {shortest:g} to {longest:g} s"
        for label, (low, high) in calibration.intervals.items():
            yield "", f"{label}: {low:+.2f} to {high:+.2f} for {calibration.coverage:.0%}"
        for label, scale in calibration.collections.items():
            low, high = scale.interval
            yield "", f"{label}, aligned with a collection: {low:+.2f} to {high:+.2f}"
    yield from _under("training", [f"{key}: {_brief(x)}" for key, x in model.record.items()])
    yield from _under("metrics", list(_metrics(read_metrics(folder))))


def _under(label: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines or ["none"]:
        yield label, _cut(line)
        label = ""


def _cut(line: str) -> str:
    """A line of at most `_WIDEST` characters; one that was cut says so, and ends at a comma."""
    if len(line) <= _WIDEST:
        return line
    head = line[: _WIDEST - len(" ...")]
    comma = head.rfind(", ")
    return (head[: comma + 1] if comma > _WIDEST // 2 else head) + " ..."


def _metrics(metrics: Mapping[str, Any] | list[Any]) -> Iterator[str]:
    """The first rows of the metrics, a line each; of a results table, each target's and label's."""
    rows: list[Any] = list(metrics.items()) if isinstance(metrics, Mapping) else metrics
    if all(isinstance(row, Mapping) and row.keys() >= _RESULT for row in rows):
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            aligned = "(transductive)" if row.get("transductive") else ""
            about = (row["target"], row.get("group"), row["label"], aligned)
            figures = found.setdefault(" ".join(str(part) for part in about if part), {})
            figures[str(row["metric"])] = row["value"]
        rows = [(name, _first_things_first(figures)) for name, figures in found.items()]
    for row in rows[:_MOST]:
        if isinstance(row, Mapping):
            yield _listed(row)
        else:
            yield f"{row[0]}: {_listed(row[1])}" if isinstance(row, tuple) else _brief(row)
    if len(rows) > _MOST:
        yield f"... and {len(rows) - _MOST} more in metrics.json"


def _first_things_first(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics by name, those of `_FIRST` ahead with two decimals, so that a cut spares them."""
    ahead = [name for start in _FIRST for name in sorted(figures) if _is(name, start)]
    rounded = {
        name: f"{round(figures[name], 2) + 0.0:.2f}"
        if isinstance(figures[name], float)
        else figures[name]
        for name in ahead
    }
    return rounded | {name: value for name, value in figures.items() if name not in rounded}


def _is(name: str, start: str) -> bool:
    """Whether a metric is the one that is meant; with a final underscore, one that starts so."""
    return name.startswith(start) if start.endswith("_") else name == start


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_brief(part)}" for key, part in value.items())
    return _brief(value)


def _brief(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _printable(text: str) -> str:
    """A stranger's text without what would steer a terminal."""
    kept = ("\n", "\t")
    return "".join(
        c if c in kept or unicodedata.category(c) != "Cc" else "\N{REPLACEMENT CHARACTER}"
        for c in text.replace("\r\n", "\n")
    )
