from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import opensmile
import pandas as pd
import pytest
import scipy.signal
import soundfile

from affectspace import tables
from affectspace.segments import Segmentation
from affectspace.synthesis import (
    CORPORA,
    RECORDINGS,
    Channel,
    Speaker,
    corpora,
    draw_speaker,
    manner_of,
    synthesise_utterance,
    write_corpora,
    write_recordings,
)
from affectspace.synthesis.prosody import lay_tracks, plan_syllables
from affectspace.synthesis.source import SAMPLING_RATE, glottal_flow, rosenberg_pulse, voice_source
from affectspace.synthesis.tract import (
    filter_frames,
    n_frames_of,
    noise_response,
    resonances,
    tilt_pole,
    tract_response,
)
from affectspace.synthesis.utterance import DEFAULT_LANGUAGE
from voices import spans_in

SPEAKER = Speaker("anna", "female", f0=210.0, tract_scale=1.15)
SMALL = tuple(
    dataclasses.replace(recipe, n_utterances=2 * recipe.n_speakers, durations=(0.4, 0.6))
    for recipe in CORPORA
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_corpora(tmp_path_factory.mktemp("corpora"), seed=3, recipes=SMALL)


@pytest.fixture(scope="module")
def functionals():
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)

    def measure(signal):
        return smile.process_signal(signal, SAMPLING_RATE).iloc[0]

    return measure


# the source


def test_a_pulse_rises_falls_and_closes():
    phase = np.linspace(0, 1, 1001)[:-1]
    pulse = rosenberg_pulse(phase, 0.6)
    assert pulse.min() >= 0
    assert pulse.max() == pytest.approx(1, abs=1e-4)
    assert phase[pulse.argmax()] == pytest.approx(0.4)  # two thirds of the open time
    assert np.allclose(pulse[phase >= 0.6], 0)
    assert np.all(np.diff(pulse[phase < 0.4]) >= 0)


def test_pulses_come_at_the_rate_of_f0():
    rng = np.random.default_rng(0)
    f0 = np.full(SAMPLING_RATE, 125.0)
    flow = glottal_flow(f0, open_quotient=0.6, jitter=0, shimmer=0, rng=rng)
    assert len(flow) == len(f0)
    spectrum = abs(np.fft.rfft(flow - flow.mean()))
    assert spectrum.argmax() == 125  # one bin is 1 Hz
    assert np.flatnonzero(spectrum > 1e-6 * spectrum.max()).min() == 125


def test_aliases_of_the_pulses_are_faint():
    f0 = np.full(SAMPLING_RATE, 307.0)
    flow = glottal_flow(f0, open_quotient=0.6, jitter=0, shimmer=0, rng=np.random.default_rng(0))
    spectrum = abs(np.fft.rfft(np.diff(flow, prepend=flow[:1])))[:4000]
    at = np.arange(4000)
    distance = np.minimum(at % 307, 307 - at % 307)
    assert spectrum[distance > 20].max() < 0.03 * spectrum.max()


def test_jitter_and_shimmer_make_cycles_unlike():
    f0 = np.full(SAMPLING_RATE, 125.0)
    settings = {"open_quotient": 0.6, "rng": np.random.default_rng(0)}
    steady = glottal_flow(f0, jitter=0, shimmer=0, **settings).reshape(125, -1)
    wobbly = glottal_flow(f0, jitter=0, shimmer=0.2, **settings).reshape(125, -1)
    jittered = glottal_flow(f0, jitter=0.02, shimmer=0, **settings).reshape(125, -1)
    assert steady.max(axis=1).std() < 1e-3
    assert wobbly.max(axis=1).std() == pytest.approx(0.2, abs=0.06)
    assert jittered.argmax(axis=1).std() > 1


def test_breath_is_as_far_below_the_pulses_as_asked():
    rng = np.random.default_rng(0)
    flow = glottal_flow(
        np.full(SAMPLING_RATE, 125.0), open_quotient=0.6, jitter=0, shimmer=0, rng=rng
    )
    clear = voice_source(flow, breathiness=-200, rng=rng)
    breathy = voice_source(flow, breathiness=-12, rng=rng)
    assert np.sqrt(np.mean(clear**2)) == pytest.approx(1, abs=1e-3)
    assert np.sqrt(np.mean((breathy - clear) ** 2)) == pytest.approx(10 ** (-12 / 20), rel=0.02)


# the tract


def test_a_cascade_is_the_product_of_its_resonators():
    frequencies = np.array([[500.0, 1500.0], [700.0, 1100.0]])
    bandwidths = np.array([60.0, 90.0])
    for row, polynomial in zip(frequencies, resonances(frequencies, bandwidths), strict=True):
        expected = np.ones(1)
        for frequency, bandwidth in zip(row, bandwidths, strict=True):
            pole = np.exp((-np.pi * bandwidth + 2j * np.pi * frequency) / SAMPLING_RATE)
            expected = np.convolve(expected, np.poly([pole, pole.conj()]).real)
        assert polynomial == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("tilt", [0.0, 6.0, 20.0])
def test_tilt_is_the_loss_at_3_khz(tilt):
    pole = tilt_pole(tilt)
    gain = (1 - pole) / abs(1 - pole * np.exp(-2j * np.pi * 3000 / SAMPLING_RATE))
    assert -20 * np.log10(gain) == pytest.approx(tilt, abs=1e-9)


def test_the_response_peaks_at_the_formants():
    formants = np.array([[500.0, 1500.0, 2500.0, 3500.0]])
    response = abs(tract_response(formants, np.array([60.0, 90, 150, 200]), tilt=3.0))[0]
    bin_width = SAMPLING_RATE / 2 / (len(response) - 1)
    peaks = scipy.signal.argrelmax(response)[0] * bin_width
    assert peaks == pytest.approx(formants[0], abs=2 * bin_width)
    assert response[0] == pytest.approx(1)


def test_fricatives_peak_where_asked_and_have_no_low_end():
    response = abs(noise_response(np.array([2800.0, 6000.0])))
    bin_width = SAMPLING_RATE / 2 / (response.shape[1] - 1)
    assert response.argmax(axis=1) * bin_width == pytest.approx([2800, 6000], rel=0.05)
    assert response.max(axis=1) == pytest.approx([1, 1], abs=0.05)
    assert np.all(response[:, 0] < 1e-12)


def test_a_steady_tract_filters_as_scipy_does():
    signal = np.random.default_rng(0).standard_normal(4001)
    formants = np.tile([500.0, 1500.0, 2500.0], (n_frames_of(len(signal)), 1))
    bandwidths = np.array([60.0, 90.0, 150.0])
    ours = filter_frames(signal, tract_response(formants, bandwidths, tilt=0.0))
    denominator = resonances(formants[:1], bandwidths)[0]
    theirs = scipy.signal.lfilter([denominator.sum()], denominator, signal)
    assert abs(ours - theirs).max() < 1e-3 * abs(theirs).max()


def test_a_flat_tract_changes_nothing():
    signal = np.random.default_rng(0).standard_normal(3333)
    flat = np.ones((n_frames_of(len(signal)), 641), dtype=complex)
    assert filter_frames(signal, flat) == pytest.approx(signal)


# manner and prosody


def _manners(activation, valence):
    return pd.DataFrame(
        [
            dataclasses.asdict(
                manner_of(
                    activation,
                    valence,
                    speaker=SPEAKER,
                    language=DEFAULT_LANGUAGE,
                    rng=np.random.default_rng(seed),
                )
            )
            for seed in range(100)
        ]
    )


def test_activation_makes_the_voice_higher_louder_faster_brighter():
    change = (_manners(4.5, 3) - _manners(1.5, 3)).mean()
    up = ["pitch", "pitch_range", "level", "syllable_rate", "jitter"]
    assert (change[up] > 0).all()
    assert (change[["tilt", "open_quotient", "breathiness", "shimmer"]] < 0).all()


def test_valence_smiles_rises_and_steadies_and_does_less_than_activation():
    change = (_manners(3, 4.5) - _manners(3, 1.5)).mean()
    assert (change[["spread", "pitch_end", "breathiness"]] > 0).all()
    assert (change[["irregularity", "jitter"]] < 0).all()
    by_activation = (_manners(4.5, 3) - _manners(1.5, 3)).mean()
    assert 0 < change["pitch"] < 0.5 * by_activation["pitch"]
    assert change["level"] == pytest.approx(0)


@pytest.mark.parametrize("rating", [0.9, 5.1, float("nan")])
def test_ratings_off_the_scale_are_refused(rating):
    with pytest.raises(ValueError, match="1 to 5"):
        synthesise_utterance(rating, 3, speaker=SPEAKER, seed=0)
    with pytest.raises(ValueError, match="1 to 5"):
        synthesise_utterance(3, rating, speaker=SPEAKER, seed=0)


def test_speakers_are_of_their_gender_and_their_own():
    rng = np.random.default_rng(0)
    women = [draw_speaker("w", "female", rng) for _ in range(50)]
    men = [draw_speaker("m", "male", rng) for _ in range(50)]
    assert min(w.f0 for w in women) > max(m.f0 for m in men)
    assert np.mean([w.tract_scale for w in women]) > np.mean([m.tract_scale for m in men])
    assert len({w.tempo for w in women}) == 50
    with pytest.raises(ValueError, match="female and male"):
        draw_speaker("x", "other", rng)


def test_syllables_follow_each_other_and_fill_the_time():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        manner = manner_of(3, 3, speaker=SPEAKER, language=DEFAULT_LANGUAGE, rng=rng)
        syllables = plan_syllables(manner, DEFAULT_LANGUAGE, duration=2.0, rng=rng)
        ends = [s.start + s.length for s in syllables]
        assert [s.start for s in syllables[1:]] == pytest.approx(ends[:-1])
        assert 2.0 <= ends[-1] < 2.9
        assert "pause" not in (syllables[0].kind, syllables[-1].kind)


def test_tracks_are_bounded_and_their_pitch_averages_to_the_manners():
    rng = np.random.default_rng(1)
    manner = manner_of(4, 4, speaker=SPEAKER, language=DEFAULT_LANGUAGE, rng=rng)
    syllables = plan_syllables(manner, DEFAULT_LANGUAGE, duration=2.0, rng=rng)
    times = np.linspace(-0.1, 3.0, 400)
    tracks = lay_tracks(syllables, manner, tract_scale=1.15, times=times, rng=rng)
    end = syllables[-1].start + syllables[-1].length
    outside = (times < -0.02) | (times > end + 0.02)
    for track in (tracks.voicing, tracks.frication):
        assert track.min() >= 0
        assert track.max() <= 1
        assert np.all(track[outside] == 0)
    semitones = 12 * np.log2(tracks.f0 / manner.pitch)
    assert np.average(semitones, weights=tracks.voicing) == pytest.approx(0, abs=0.2)
    assert np.all(np.diff(tracks.formants[:, :3], axis=1) > 0)
    assert tracks.formants.max() < SAMPLING_RATE / 2


# utterances


def test_the_same_seed_gives_the_same_samples_and_another_does_not():
    first, again, other = (
        synthesise_utterance(3, 3, speaker=SPEAKER, seed=seed, duration=0.5) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first[:5000], other[:5000])


def test_samples_are_float32_within_full_scale_however_loud():
    loud = Channel(level=40)
    signal = synthesise_utterance(5, 3, speaker=SPEAKER, seed=0, duration=0.5, channel=loud)
    assert signal.dtype == np.float32
    assert signal.ndim == 1
    assert abs(signal).max() == pytest.approx(0.97)


def test_a_duration_is_filled():
    signal = synthesise_utterance(3, 3, speaker=SPEAKER, seed=0, duration=1.5)
    assert 1.5 < len(signal) / SAMPLING_RATE < 2.4
    with pytest.raises(ValueError, match="above 0"):
        synthesise_utterance(3, 3, speaker=SPEAKER, seed=0, duration=0)


def test_a_language_without_consonant_noise_has_none():
    quiet = dataclasses.replace(DEFAULT_LANGUAGE, fricative_share=0.0, plosive_share=0.0)
    signal = synthesise_utterance(3, 3, speaker=SPEAKER, seed=0, language=quiet)
    assert np.isfinite(signal).all()


def test_the_channel_sets_gain_band_and_noise():
    def power(channel, low, high):
        signal = synthesise_utterance(3, 3, speaker=SPEAKER, seed=0, channel=channel)
        frequency, density = scipy.signal.welch(signal, SAMPLING_RATE, nperseg=1024)
        return 10 * np.log10(density[(frequency >= low) & (frequency < high)].sum())

    plain = power(Channel(noise=-120), 200, 4000)
    assert power(Channel(level=-6, noise=-120), 200, 4000) == pytest.approx(plain - 6, abs=0.1)
    narrow = Channel(high=3000, noise=-120)
    assert power(narrow, 6000, 8000) < power(Channel(noise=-120), 6000, 8000) - 15
    signal = synthesise_utterance(3, 3, speaker=SPEAKER, seed=0, channel=Channel(noise=-40))
    assert 20 * np.log10(signal[:800].std()) == pytest.approx(-40, abs=3)


def test_activation_raises_level_and_pitch_as_opensmile_hears_them(functionals):
    rows = pd.DataFrame(
        [
            functionals(
                synthesise_utterance(activation, 3, speaker=SPEAKER, seed=seed, duration=0.8)
            )
            for activation in (1.5, 3.0, 4.5)
            for seed in range(6)
        ]
    )
    assert rows.notna().all(axis=None)
    assert (rows["VoicedSegmentsPerSec"] > 0).all()
    means = rows.groupby(np.repeat([1, 2, 3], 6)).mean()
    for feature in ("F0semitoneFrom27.5Hz_sma3nz_amean", "equivalentSoundLevel_dBp"):
        assert (means[feature].diff().dropna() > 1).all()


def test_the_pitch_that_is_set_is_the_pitch_that_is_heard(functionals):
    for seed, speaker in enumerate([SPEAKER, Speaker("otto", "male", f0=110.0, tract_scale=1.0)]):
        manner = manner_of(
            3, 3, speaker=speaker, language=DEFAULT_LANGUAGE, rng=np.random.default_rng(seed)
        )
        heard = functionals(synthesise_utterance(3, 3, speaker=speaker, seed=seed))
        expected = 12 * np.log2(manner.pitch / 27.5)
        assert heard["F0semitoneFrom27.5Hz_sma3nz_amean"] == pytest.approx(expected, abs=0.7)


# corpora


def test_a_corpus_is_a_folder_of_wav_files_and_a_table(written):
    assert list(written) == ["synthetic-source", "synthetic-north", "synthetic-south"]
    for recipe in SMALL:
        folder = written[recipe.name]
        table = tables.read_table(folder / "utterances.csv", resolve=True)
        assert len(table) == recipe.n_utterances
        assert sorted(folder.glob("*.wav")) == sorted(
            folder / file for file in table.index.get_level_values("file")
        )
        for file in table.index.get_level_values("file"):
            info = soundfile.info(file)
            expected = (SAMPLING_RATE, 1, "PCM_16")
            assert (info.samplerate, info.channels, info.subtype) == expected
            assert abs(soundfile.read(file)[0]).max() > 0.003


def test_a_corpus_says_that_it_is_synthetic(written):
    for name, folder in written.items():
        assert name.startswith("synthetic-")
        assert "Nobody spoke" in (folder / "README.md").read_text(encoding="utf-8")
        table = tables.read_table(folder / "utterances.csv")
        assert set(table["language"]) == {"zxx"}  # ISO 639: no linguistic content
        assert set(table["corpus"]) == {name}
        assert table["speaker"].str.startswith(name).all()


@pytest.mark.parametrize("recipe", CORPORA, ids=lambda recipe: recipe.name)
def test_a_corpus_can_be_split_by_speaker_and_by_emotion(recipe):
    table, steering, speakers = corpora._plan(recipe, np.random.default_rng(0))
    assert list(table.columns) == [
        *("corpus", "language", "speaker", "gender", "emotion", "activation", "valence")
    ]
    assert table["speaker"].nunique() == recipe.n_speakers == len(speakers)
    counts = table.groupby(["speaker", "emotion"]).size()
    assert len(counts) == 4 * recipe.n_speakers  # nobody is known by an emotion alone
    assert counts.min() >= 5
    assert set(table["gender"]) == {"female", "male"}
    for label in ("activation", "valence"):
        assert set(table[label]) <= set(np.arange(1, 5.5, 0.5))
        assert steering[label].between(1, 5).all()
        assert np.corrcoef(table[label], steering[label])[0, 1] > 0.8


def test_the_same_seed_writes_the_same_corpora(written, tmp_path):
    again = write_corpora(tmp_path / "again", seed=3, recipes=SMALL[:1])
    other = write_corpora(tmp_path / "other", seed=4, recipes=SMALL[:1])
    name = SMALL[0].name
    files = sorted(path.name for path in written[name].iterdir())
    assert files == sorted(path.name for path in again[name].iterdir())
    for file in files:
        assert (written[name] / file).read_bytes() == (again[name] / file).read_bytes()
        assert (written[name] / file).read_bytes() != (other[name] / file).read_bytes()


def test_a_corpus_that_was_cut_short_has_no_table(tmp_path, monkeypatch):
    folder = write_corpora(tmp_path, recipes=SMALL[:1])[SMALL[0].name]
    assert (folder / "utterances.csv").is_file()
    calls = iter(range(5))

    def broken(*args, **kwargs):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return synthesise_utterance(*args, **kwargs)

    monkeypatch.setattr(corpora, "synthesise_utterance", broken)
    with pytest.raises(KeyboardInterrupt):
        write_corpora(tmp_path, recipes=SMALL[:1])
    assert not list(folder.glob("*.csv*"))


def test_progress_goes_to_stderr(tmp_path, capsys):
    write_corpora(
        tmp_path,
        recipes=[dataclasses.replace(SMALL[0], n_utterances=2)],
        show_progress=True,
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Synthesising" in captured.err


# recordings


def test_recordings_are_clips_a_long_one_and_a_broken_one(tmp_path):
    written = write_recordings(tmp_path / "speech", clips=SMALL[:2])
    assert written == tmp_path / "speech" / RECORDINGS
    table = tables.read_table(written, resolve=True)
    assert len(table) == sum(recipe.n_utterances for recipe in SMALL[:2]) + 2
    assert set(table["language"].dropna()) == {recipe.name for recipe in SMALL[:2]}
    *clips, long, broken = table.index.get_level_values("file")
    assert all(soundfile.info(file).samplerate == SAMPLING_RATE for file in clips)
    rated = table[["speaker", "gender", "emotion", "activation", "valence"]].notna()
    assert rated.iloc[:-2].all(axis=None)
    assert not rated.iloc[-1].any()
    assert 50 < soundfile.info(long).duration < 75
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.info(broken)


def test_the_long_recording_has_pauses_and_grows_loud_and_calm_again(tmp_path):
    file = write_recordings(tmp_path, clips=SMALL[:1]).parent / "long/a-minute-with-pauses.wav"
    samples, _ = soundfile.read(file)
    speech = Segmentation("speech")
    spans = spans_in(samples.astype(np.float32), speech, shortest=1.0, longest=10.0)
    assert 10 <= len(spans) <= 18
    gaps = [later - end for (_, end), (later, _) in itertools.pairwise(spans)]
    assert 0.3 < np.median(gaps) < 2
    levels = [
        np.std(samples[round(start * SAMPLING_RATE) : round(end * SAMPLING_RATE)])
        for start, end in spans
    ]
    middle = slice(len(spans) // 2 - 2, len(spans) // 2 + 2)
    assert np.mean(levels[middle]) > 2 * np.mean([*levels[:2], *levels[-2:]])


def test_the_same_seed_makes_the_same_recordings(tmp_path):
    one, again, other = (
        write_recordings(tmp_path / name, seed=seed, clips=SMALL[:1]).parent
        for name, seed in (("one", 3), ("again", 3), ("other", 4))
    )
    long = "long/a-minute-with-pauses.wav"
    assert (one / long).read_bytes() == (again / long).read_bytes()
    assert (one / long).read_bytes() != (other / long).read_bytes()
