"""Embedding tables made up for tests: plausible numbers, no recording behind them."""

import numpy as np
import pandas as pd

from affectspace.tables import utterance_index

PLACES = {  # activation, valence
    "anger": (4.0, 1.9),
    "boredom": (2.0, 2.6),
    "fear": (3.6, 2.1),
    "joy": (3.9, 3.7),
    "neutral": (2.6, 3.0),
    "sadness": (1.8, 2.2),
}
FAILURES = {
    "too_short": "shorter than 0.2 s: 0.12 s",
    "silent": "the level is below -80 dBFS: it is -84 dBFS",
    "unreadable": "the file can't be read as audio: Format not recognised.",
    "unvoiced": "nothing has a pitch",
}


def embedding_table(rows, *, seed=0, failed=0.03, files=None):
    """Rows of several speakers and emotions, some with cautions, some not scored."""
    random = np.random.default_rng(seed)
    emotion = random.choice(list(PLACES), rows)
    speaker = random.integers(3, 17, rows)
    places = np.array([PLACES[name] for name in emotion])
    shift = random.normal(0, 0.15, (20, 2))[speaker]
    estimates = np.clip(places + shift + random.normal(0, [0.35, 0.45], (rows, 2)), 1, 5)
    columns = {}
    for i, (label, half) in enumerate({"activation": 0.8, "valence": 1.3}.items()):
        columns[label] = estimates[:, i]
        columns[f"{label}_low"] = np.clip(estimates[:, i] - half, 1, 5)
        columns[f"{label}_high"] = np.clip(estimates[:, i] + half, 1, 5)
    table = pd.DataFrame(columns)
    table["z1"] = estimates[:, 0] - 2.9
    table["z2"] = estimates[:, 1] - 2.8
    table["unusualness"] = random.beta(1.4, 1.1, rows)
    table["status"] = "ok"
    table["message"] = ""
    table["caution"] = ""
    table["duration"] = random.gamma(6, 0.45, rows) + 0.5
    table["level"] = random.normal(-24, 5, rows)
    table["clipped_share"] = np.where(random.random(rows) < 0.05, random.random(rows) * 0.05, 0)
    table["voiced_share"] = random.beta(6, 4, rows)
    table["bandwidth"] = random.choice([8000.0, 7900.0, 3400.0], rows, p=[0.6, 0.3, 0.1])
    table["snr"] = np.where(table["duration"] < 1, np.nan, random.normal(25, 6, rows))
    table["truncated"] = 0.0
    table["speaker"] = [f"speaker {number:02d}" for number in speaker]
    table["emotion"] = emotion
    table["gender"] = np.where(speaker % 2, "female", "male")
    table["age"] = np.where(speaker == 3, np.nan, 20.0 + 3 * speaker)
    _add_cautions(table)
    _fail(table, random, failed)
    if files is None:
        files = [
            f"speech/{speaker[i]:02d}/{speaker[i]:02d}{name}{i:05d}.wav"
            for i, name in enumerate(emotion)
        ]
    table.index = utterance_index(files)
    return table


def _add_cautions(table):
    words = {
        "unusual": table["unusualness"] > 0.99,
        "band_limited": table["bandwidth"] < 4000,
        "quiet": table["level"] < -33,
        "clipping": table["clipped_share"] > 0.01,
        "noisy": table["snr"] < 13,
        "short": table["duration"] < 1.2,
    }
    table["caution"] = [
        ";".join(word for word, has in words.items() if has.iloc[i]) for i in range(len(table))
    ]


def _fail(table, random, share):
    failed = random.random(len(table)) < share
    status = random.choice(list(FAILURES), len(table))
    estimates = ["activation", "valence", "z1", "z2", "unusualness"]
    estimates += [
        f"{label}_{end}" for label in ("activation", "valence") for end in ("low", "high")
    ]
    table.loc[failed, estimates] = np.nan
    table.loc[failed, "caution"] = ""
    table.loc[failed, "status"] = status[failed]
    table.loc[failed, "message"] = [FAILURES[word] for word in status[failed]]


def long_recording(rows, *, hours=3.0, file="sessions/interview one.wav", seed=1):
    """Segments of one recording, its activation and valence drifting over time."""
    table = embedding_table(rows, seed=seed)
    random = np.random.default_rng(seed)
    duration = random.uniform(1.5, 6, rows)
    pauses = random.exponential(1, rows)
    pauses[rows // 3] += rows / 20  # someone left the room
    pauses *= max(hours * 3600 - duration.sum(), 1) / pauses.sum()
    starts = np.cumsum(pauses) + np.concatenate([[0], np.cumsum(duration)[:-1]])
    table["duration"] = duration
    time = np.linspace(0, 1, rows)
    drift = {"activation": 3 + np.sin(7 * time), "valence": 3.1 - 0.6 * time}
    usable = table["status"] == "ok"
    for label, half in {"activation": 0.8, "valence": 1.3}.items():
        middle = np.clip(drift[label] + random.normal(0, 0.4, rows), 1, 5)
        for end, sign in (("", 0), ("_low", -1), ("_high", 1)):
            values = np.clip(middle + sign * half, 1, 5)
            table[label + end] = np.where(usable, values, np.nan)
    table.index = utterance_index([file] * rows, starts, starts + duration)
    return table.drop(columns=["speaker", "emotion", "gender", "age"])


MODEL = {
    "name": "default",
    "version": "1",
    "contract": "egemaps, opensmile 2.6.0, 16 kHz, first channel, 88 features",
    "labels": ["activation", "valence"],
    "coverage of the 90 % interval": {"activation": 0.91, "valence": 0.89},
    "trained on": ["emodb", "emotale", "emovo", "ravdess", "urdu"],
    "durations": "0.8 to 12.5 s",
    "licence": "CC BY-NC-SA 4.0",
}
SETTINGS = {
    "input": ["speech"],
    "segment": "none",
    "jobs": 4,
    "versions": {"affectspace": "0.1.0", "numpy": "2.4.0", "opensmile": "2.6.0"},
}
