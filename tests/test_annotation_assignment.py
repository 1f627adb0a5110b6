"""Who gets which item: practice, orders, shares, hidden repeats, rounds."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from affectspace.annotation.assignment import release, shuffle_numbers
from affectspace.annotation.material import match_items, open_round
from affectspace.annotation.overview import in_words, progress
from affectspace.annotation.raters import change_rater
from affectspace.annotation.schema import assignments, items
from affectspace.annotation.study import Wishes, prepare_study
from affectspace.errors import StudyError
from affectspace.tables import utterance_index
from made_study import made_study, made_tones, query, rate_on, raters_of, say, take

NAMES = tuple("ABCDEFG")


def heard_by(study, rater):
    statement = (
        sa.select(assignments.c.item_id)
        .where(assignments.c.rater_id == rater.id, ~assignments.c.practice)
        .order_by(assignments.c.position)
    )
    return [row.item_id for row in query(study, statement)]


def claims(study):
    return dict(query(study, sa.select(items.c.id, items.c.claimed).where(~items.c.practice)))


def test_everybody_rates_everything_once_in_an_order_of_his_own(tmp_path):
    with made_study(tmp_path, items=12, raters=NAMES[:3]) as study:
        orders = []
        for rater in raters_of(study).values():
            rate_on(study, rater)
            orders.append(heard_by(study, rater))
            assert take(study, rater)[0] is None
    assert all(sorted(order) == list(range(1, 13)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert orders[0] != sorted(orders[0])


def test_orders_come_from_the_seed(tmp_path):
    orders = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        with made_study(tmp_path / name, items=12, raters=["Anna"], seed=seed) as study:
            rater = raters_of(study)["Anna"]
            rate_on(study, rater)
            orders.append(heard_by(study, rater))
    assert orders[0] == orders[1] != orders[2]


def test_orders_are_as_good_as_shuffled(tmp_path):
    """Over many raters each item is as often in each quarter of an order."""
    names = [f"r{number}" for number in range(40)]
    with made_study(tmp_path, items=8, raters=names) as study:
        quarters = Counter()
        for rater in raters_of(study).values():
            rate_on(study, rater)
            quarters.update((item, place // 2) for place, item in enumerate(heard_by(study, rater)))
    assert min(quarters[item, quarter] for item in range(1, 9) for quarter in range(4)) >= 2
    assert max(quarters.values()) <= 22  # of 40; 10 are expected
    assert shuffle_numbers(5, seed=0, first=0) == shuffle_numbers(5, seed=0, first=0)


def test_an_item_stays_in_hand_until_it_is_rated(tmp_path):
    with made_study(tmp_path) as study:
        rater = raters_of(study)["Anna"]
        first, _ = take(study, rater)
        assert take(study, rater)[0] == first
        say(study, rater, first.public)
        assert take(study, rater)[0].item_id != first.item_id


@pytest.mark.parametrize("seed", range(5))
def test_each_item_gets_its_raters_and_each_rater_his_share_however_they_take_turns(tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311
    with made_study(tmp_path, items=17, raters=NAMES[:5], raters_per_item=3) as study:
        waiting = list(raters_of(study).values())
        while waiting:
            rater = chance.choice(waiting)
            given, _ = take(study, rater)
            if given is None:
                waiting.remove(rater)
            else:
                assert max(claims(study).values()) <= 3
                say(study, rater, given.public)
        rated = claims(study)
        shares = Counter(row.rater_id for row in query(study, sa.select(assignments.c.rater_id)))
    assert sum(rated.values()) >= 17 * 3 - 1  # one may be left to raters who are through already
    assert max(rated.values()) == 3
    assert max(shares.values()) <= 11 + 2  # 51 / 5 = 10.2


def test_items_fill_up_evenly(tmp_path):
    with made_study(tmp_path, items=10, raters=NAMES[:4], raters_per_item=2) as study:
        people = raters_of(study)
        rate_on(study, people["A"], 5)
        rate_on(study, people["B"], 5)
        assert set(claims(study).values()) == {1}


def test_places_that_others_leave_go_to_those_who_stay(tmp_path):
    with made_study(tmp_path, items=6, raters=NAMES[:3], raters_per_item=1) as study:
        people = raters_of(study)
        assert len(rate_on(study, people["A"])) == 2
        assert len(rate_on(study, people["B"])) == 2
        with study.store.writing() as connection:
            change_rater(connection, people["C"], active=False)
        assert len(rate_on(study, people["A"])) == 1  # 6 items for 2 raters are 3 each
        assert len(rate_on(study, people["B"])) == 1
        assert set(claims(study).values()) == {1}


def test_a_bound_on_a_raters_items_holds(tmp_path):
    with made_study(tmp_path, items=9, items_per_rater=4, repeat_share=0.5) as study:
        given = rate_on(study, raters_of(study)["Anna"])
    assert len(given) == 6  # and 2 repeats
    assert len({one.item_id for one in given}) == 4


def test_an_item_in_hand_is_given_back_by_who_is_closed(tmp_path):
    with made_study(tmp_path, items=1, raters_per_item=1) as study:
        people = raters_of(study)
        take(study, people["Anna"])
        assert take(study, people["Bo"])[0] is None
        with study.store.writing() as connection:
            release(connection, people["Anna"].id)
        assert take(study, people["Bo"])[0] is not None
        assert take(study, people["Anna"])[0] is None


def test_an_item_that_was_in_hand_for_a_day_goes_to_another(tmp_path, monkeypatch):
    with made_study(tmp_path, items=1, raters_per_item=1) as study:
        people = raters_of(study)
        given, _ = take(study, people["Anna"])
        long_ago = (datetime.now(UTC) - timedelta(hours=25)).isoformat(timespec="milliseconds")
        with study.store.writing() as connection:
            connection.execute(sa.update(assignments).values(given=long_ago))
        # not Anna's own, and not by asking how far she is
        assert take(study, people["Anna"])[0] == given
        taken, done = take(study, people["Bo"])
        assert taken.item_id == given.item_id
        assert taken.public != given.public
        assert claims(study) == {1: 1}
        assert done.total == 1
        assert take(study, people["Anna"])[0] is None


def test_repeats_come_at_a_distance_under_another_name(tmp_path):
    settings = {"repeat_share": 0.25, "repeat_distance": 6}
    with made_study(tmp_path, items=40, raters=["Anna"], **settings) as study:
        given = rate_on(study, raters_of(study)["Anna"])
        repetitions = query(
            study,
            sa.select(assignments.c.item_id, assignments.c.position, assignments.c.repetition),
        )
    assert len(given) == 50
    assert len({one.public for one in given}) == 50
    places = {(row.item_id, row.repetition): row.position for row in repetitions}
    again = [(item, place) for (item, repetition), place in places.items() if repetition]
    assert len(again) == 10
    assert all(place - places[item, 0] > 6 for item, place in again)
    gaps = sorted(place for _, place in again)
    assert len({after - before for before, after in pairwise(gaps)}) > 1


def test_a_small_study_repeats_at_what_distance_there_is(tmp_path):
    with made_study(tmp_path, items=6, raters=["Anna"], repeat_share=0.5) as study:
        rater = raters_of(study)["Anna"]
        given = [one.item_id for one in rate_on(study, rater)]
        assert take(study, rater)[1].total == len(given) == 9
    assert all(
        given.index(item) < 6 <= len(given) - 1 - given[::-1].index(item) for item in given[6:]
    )


def test_practice_comes_first_and_does_not_count(tmp_path):
    wishes = {"practice_count": 2}
    with made_study(tmp_path, items=6, raters=["Anna"], wishes=wishes) as study:
        given = rate_on(study, raters_of(study)["Anna"])
        _, done = take(study, raters_of(study)["Anna"])
    assert [one.practice for one in given] == [True, True, False, False, False, False]
    assert (done.rated, done.total, done.practice_rated, done.practice_total) == (4, 4, 2, 2)


def test_progress_counts_to_its_end(tmp_path):
    with made_study(tmp_path, items=10, raters=["Anna"], repeat_share=0.2) as study:
        rater, seen = raters_of(study)["Anna"], []
        while True:
            given, done = take(study, rater)
            seen.append((done.rated, done.total))
            if given is None:
                break
            say(study, rater, given.public)
    assert seen == [(number, 12) for number in range(13)]


def test_a_round_narrows_what_is_given_out_and_a_later_one_widens_it(tmp_path):
    with made_study(tmp_path, items=8, raters=["Anna"]) as study:
        rater = raters_of(study)["Anna"]
        first = rate_on(study, rater, 2)
        table = utterance_index([study.file("anger_006.wav"), study.file("anger_007.wav")])
        with study.store.writing() as connection:
            chosen = match_items(connection, table.to_frame()[[]], [study.audio])
            assert open_round(connection, chosen) == 2
        second = rate_on(study, rater)
        heard = {one.item_id for one in (*first, *second)}
        assert {7, 8} <= heard
        assert len(heard) <= 4
        with study.store.writing() as connection:
            open_round(connection)
        assert len(rate_on(study, rater)) == 8 - len(heard)


def test_a_table_names_items_by_any_path_that_leads_there(tmp_path, monkeypatch):
    with made_study(tmp_path, items=3) as study:
        monkeypatch.chdir(tmp_path)
        for names in (["audio/anger_001.wav"], ["anger_001.wav"], ["study/../audio/anger_001.wav"]):
            table = utterance_index(names).to_frame()[[]]
            with study.store.reading() as connection:
                assert match_items(connection, table, [study.audio]) == [2]
        table = utterance_index(["anger_001.wav", "other.wav"]).to_frame()[[]]
        with (
            study.store.reading() as connection,
            pytest.raises(StudyError, match=r"1 of 2 .*other"),
        ):
            match_items(connection, table, [study.audio])


def test_new_recordings_join_a_study_that_runs(tmp_path):
    with made_study(tmp_path, items=3, raters=["Anna"]) as study:
        rate_on(study, raters_of(study)["Anna"])
    made_tones(tmp_path / "audio", 5)
    study = prepare_study(tmp_path / "study", Wishes(audio=[str(tmp_path / "audio")]))
    assert len(rate_on(study, raters_of(study)["Anna"])) == 2
    study.store.close()


@pytest.mark.parametrize(
    ("raters", "settings", "said"),
    [
        ((), {}, "4 recordings, and nobody yet who rates them."),
        (("Anna",), {}, "4 recordings by 1 rater make 4 ratings."),
        (("Anna", "Bo", "Cem"), {"raters_per_item": 2}, "4 recordings by 2 of 3 raters make 8 "),
        (("Anna",), {"raters_per_item": 2}, "4 recordings by 2 raters (1 so far) make 8 ratings."),
    ],
)
def test_the_number_of_ratings_is_told_in_words(tmp_path, raters, settings, said):
    with (
        made_study(tmp_path, items=4, raters=raters, **settings) as study,
        study.store.reading() as connection,
    ):
        assert in_words(progress(connection)).startswith(said)
