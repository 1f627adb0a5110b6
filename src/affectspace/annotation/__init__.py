"""Rating studies: who rates what, how far raters agree, and the gold standard that comes of it.

A ratings table ([`check_ratings`][affectspace.annotation.check_ratings]) comes from any table of
ratings ([`read_ratings`][affectspace.annotation.read_ratings]); it becomes statistics
([`agree`][affectspace.annotation.agree]) and an utterance table with a gold standard
([`gold_table`][affectspace.annotation.gold_table]), which `affectspace adapt` takes as it is.
"""

from affectspace.annotation.agreement import Agreement, Estimate, agree, alpha, icc, pairs
from affectspace.annotation.formats import (
    Ratings,
    merged,
    ratings_of,
    read_ratings,
    write_label_file,
    write_ratings,
)
from affectspace.annotation.gold import Gold, gold_standard
from affectspace.annotation.quality import LIMITS, Limits, rater_quality
from affectspace.annotation.ratings import (
    RATING_COLUMNS,
    SCALE,
    check_ratings,
    labels_of,
    rating_matrix,
)
from affectspace.annotation.tidy import tidy
from affectspace.annotation.utterances import gold_table, on_recordings, relocated

__all__ = [
    "LIMITS",
    "RATING_COLUMNS",
    "SCALE",
    "Agreement",
    "Estimate",
    "Gold",
    "Limits",
    "Ratings",
    "agree",
    "alpha",
    "check_ratings",
    "gold_standard",
    "gold_table",
    "icc",
    "labels_of",
    "merged",
    "on_recordings",
    "pairs",
    "rater_quality",
    "rating_matrix",
    "ratings_of",
    "read_ratings",
    "relocated",
    "tidy",
    "write_label_file",
    "write_ratings",
]
