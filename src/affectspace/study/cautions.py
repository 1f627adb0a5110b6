"""What may make the figures of an evaluation too good, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from affectspace.evaluation.leaks import shared_speakers, speaker_leak
from affectspace.evaluation.transfer import LABELS
from affectspace.model import AffectModel
from affectspace.study.selection import Task


def target_cautions(rows: pd.DataFrame, tasks: Sequence[Task]) -> list[str]:
    """Warn of targets whose speakers give labels away, or who share something with the sources.

    Args:
        rows: all rows, with `source`, `language`, `speaker`, and whatever the corpora say.
        tasks: the targets, and what is left out for them.

    Returns:
        Sentences. Speakers of different corpora are different people, whatever their names, where
        the column `corpus` says that the corpora differ.
    """
    said = rows["corpus"] if "corpus" in rows else rows["source"]
    corpus = said.where(said.notna(), rows["source"]).astype(str)
    named = (corpus + " " + rows["speaker"].astype(str)).where(rows["speaker"].notna(), None)
    found = []
    for task in tasks:
        own = rows[task.rows]
        columns = [label for label in ("emotion", *LABELS) if label in rows]
        for label in columns:
            leak = speaker_leak(own[label], own["speaker"])
            if leak.warns:
                found.append(f"{task.name}, {label}: {leak.message}")
        met = ~rows["source"].isin(task.gone).to_numpy() & ~task.rows
        if shared := shared_speakers(named[met], named[task.rows]):
            found.append(f"{task.name}: {shared}")
        same = rows[met & rows["language"].isin(own["language"].dropna()).to_numpy()]
        for source, part in same.groupby("source", sort=False):
            languages = ", ".join(sorted(part["language"].unique()))
            found.append(
                f"{task.name}: {source} stays among the sources and is in {languages} too. "
                "That is a corpus left out, not a language."
            )
    return found


def model_cautions(
    name: str,
    model: AffectModel,
    rows: pd.DataFrame,
    tasks: Sequence[Task],
    *,
    digests: Mapping[str, str],
) -> list[str]:
    """Warn of targets that a ready model was trained on, after its own record.

    Args:
        name: the model's, in the tables.
        model: the model.
        rows: all rows.
        tasks: the targets.
        digests: SHA-256 of each corpus.
    """
    record = model.record
    met = set(record.get("sources", ()))
    known = set(dict(record.get("sha256", {})).values())
    languages = set(record.get("languages", ()))
    if not met:
        return [f"{name}: its record doesn't say what it was trained on; it may know any target."]
    found = []
    for task in tasks:
        own = rows[task.rows]
        corpora = list(dict.fromkeys(own["source"]))
        if trained := [x for x in corpora if x in met or digests.get(x) in known]:
            found.append(
                f"{name} was trained on {', '.join(trained)}: on {task.name} it meets rows and "
                "speakers that it knows, and its scores there are too good."
            )
        elif shared := sorted(languages & set(own["language"].dropna())):
            found.append(
                f"{name} was trained on speech in {', '.join(shared)}: on {task.name} its scores "
                "are not those for a new language."
            )
    return found
