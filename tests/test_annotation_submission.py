"""Ratings: what is accepted, once and for good; undo; two at once; a full disk."""

import contextlib
import threading
import uuid
from dataclasses import asdict, replace

import pytest
import sqlalchemy as sa

from affectspace.annotation import schema
from affectspace.annotation.assignment import give_next
from affectspace.annotation.raters import NameTakenError, add_rater, change_rater
from affectspace.annotation.settings import StudySettings
from affectspace.annotation.store import StorageError, read_settings
from affectspace.annotation.submission import Rating, RatingError, last_event, submit, undo
from affectspace.errors import StudyError
from made_study import POSTGRES, made_study, postgres_database, query, rate_on, raters_of, say, take

GOOD = Rating(3.5, 2.0, comment="hm", replays=1, milliseconds=2500)
needs_postgres = pytest.mark.skipif(not POSTGRES, reason="AFFECTSPACE_POSTGRES names no server")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=needs_postgres)])
def study(request, tmp_path):
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(postgres_database()) if request.param == "postgres" else None
        yield stack.enter_context(made_study(tmp_path, items=6, database=url))


@pytest.fixture
def anna(study):
    return raters_of(study)["Anna"]


def stored(study):
    return query(study, sa.select(schema.ratings))


def log(study):
    wanted = sa.select(schema.events.c.kind, schema.events.c.public).order_by(schema.events.c.id)
    return [tuple(row) for row in query(study, wanted)]


def test_a_rating_is_stored_as_it_was_given(study, anna):
    given, _ = take(study, anna)
    assert say(study, anna, given.public, GOOD).public == given.public
    (row,) = stored(study)
    assert {name: getattr(row, name) for name in asdict(GOOD)} == asdict(GOOD)
    assert row.rated.endswith("Z")
    assert log(study) == [("rated", given.public)]


def test_the_same_key_is_accepted_again_and_stored_once(study, anna):
    given, _ = take(study, anna)
    key = str(uuid.uuid4())
    first = say(study, anna, given.public, GOOD, key=key)
    take(study, anna)
    assert say(study, anna, given.public, GOOD, key=key) == first
    assert len(stored(study)) == len(log(study)) == 1


def test_a_key_serves_for_one_rating_only(study, anna):
    given, _ = take(study, anna)
    key = str(uuid.uuid4())
    say(study, anna, given.public, GOOD, key=key)
    following, _ = take(study, anna)
    for public, rating in ((given.public, replace(GOOD, valence=1.0)), (following.public, GOOD)):
        with pytest.raises(RatingError) as error:
            say(study, anna, public, rating, key=key)
        assert error.value.code == "key_reused"
    assert len(stored(study)) == 1


def test_another_raters_key_is_another(study, anna):
    bo, key = raters_of(study)["Bo"], str(uuid.uuid4())
    for rater in (anna, bo):
        say(study, rater, take(study, rater)[0].public, key=key)
    assert len(stored(study)) == 2


def test_the_second_window_is_told(study, anna):
    given, _ = take(study, anna)
    assert take(study, anna)[0].public == given.public
    say(study, anna, given.public, GOOD)
    with pytest.raises(RatingError) as error:
        say(study, anna, given.public, replace(GOOD, activation=1.0))
    assert error.value.code == "already_rated"
    assert [row.activation for row in stored(study)] == [3.5]


def test_another_raters_item_is_none_of_ones_own(study, anna):
    given, _ = take(study, raters_of(study)["Bo"])
    for public in (given.public, "x", "\x00\ud800"):
        with pytest.raises(RatingError) as error:
            say(study, anna, public)
        assert error.value.code == "not_found"


@pytest.mark.parametrize(
    ("rating", "field"),
    [
        (Rating(None, 3.0), "activation"),
        (Rating(3.0, 3.25), "valence"),
        (Rating(0.5, 3.0), "activation"),
        (Rating(float("nan"), 3.0), "activation"),
        (Rating(3.0, float("inf")), "valence"),
        (Rating(3.0, 3.0, dominance=3.0), "dominance"),
        (Rating(3.0, 3.0, category="anger"), "category"),
        (Rating(3.0, 3.0, cannot_judge=True), "activation"),
        (Rating(3.0, 3.0, comment="x" * 2001), "comment"),
        (Rating(3.0, 3.0, replays=-1), "replays"),
    ],
)
def test_what_the_study_does_not_ask_for_is_refused(rating, field):
    with pytest.raises(RatingError) as error:
        rating.checked(StudySettings())
    assert (error.value.code, error.value.field) == ("invalid", field)


def test_what_the_study_asks_for_is_needed():
    settings = StudySettings(
        dominance="required",
        category="required",
        categories=("joy",),
        comment=False,
        cannot_judge=False,
    )
    full = Rating(3.0, 3.0, 2.5, "joy")
    assert full.checked(settings) == full
    for rating, field in (
        (replace(full, dominance=None), "dominance"),
        (replace(full, category=None), "category"),
        (replace(full, category="anger"), "category"),
        (replace(full, comment="x"), "comment"),
        (Rating(cannot_judge=True), "cannot_judge"),
    ):
        with pytest.raises(RatingError) as error:
            rating.checked(settings)
        assert error.value.field == field
    may = settings.changed(cannot_judge=True)
    assert Rating(cannot_judge=True).checked(may).cannot_judge


def test_a_clock_that_ran_over_night_does_not_cost_the_rating():
    assert Rating(3.0, 3.0, milliseconds=10**12).checked(StudySettings()).milliseconds == 2**31 - 1


def test_words_are_stored_as_text_whatever_is_in_them(study, anna):
    comment = "<script>alert(1)</script> '; DROP TABLE ratings; -- \x00\ud800 日本語"
    say(study, anna, take(study, anna)[0].public, replace(GOOD, comment=comment))
    assert stored(study)[0].comment == comment.replace("\x00", "").replace("\ud800", "?")


@pytest.mark.parametrize("key", ["", "short", "x" * 65, "ü" * 20, "a b" * 10, "a" * 20 + "\n"])
def test_a_key_is_plain(study, anna, key):
    given, _ = take(study, anna)
    with study.store.writing() as connection, pytest.raises(RatingError) as error:
        submit(connection, anna, given.public, key, GOOD, StudySettings())
    assert error.value.field == "key"


def test_undo_puts_the_item_back_in_hand_and_the_log_keeps_both(study, anna):
    first, _ = take(study, anna)
    say(study, anna, first.public, GOOD)
    second, _ = take(study, anna)
    for _ in range(2):  # asked for again, the same
        with study.store.writing() as connection:
            undo(connection, anna, first.public)
            assert last_event(connection, anna).said == asdict(GOOD)
    assert take(study, anna)[0].public == first.public
    assert stored(study) == []
    say(study, anna, first.public, replace(GOOD, valence=4.5))
    assert take(study, anna)[0].public == second.public  # what was in hand before
    assert [kind for kind, _ in log(study)] == ["rated", "undone", "rated"]
    assert [row.valence for row in stored(study)] == [4.5]


def test_only_the_last_rating_can_be_undone_and_once(study, anna):
    first, second = rate_on(study, anna, 2)
    for public in (first.public, take(study, anna)[0].public):
        with study.store.writing() as connection, pytest.raises(RatingError) as error:
            undo(connection, anna, public)
        assert error.value.code == "cannot_undo"
    with study.store.writing() as connection:
        undo(connection, anna, second.public)
        with pytest.raises(RatingError):
            undo(connection, anna, first.public)


def test_what_was_put_back_cannot_be_rated_before_what_is_in_hand(study, anna):
    first = rate_on(study, anna, 1)[0]
    second, _ = take(study, anna)
    with study.store.writing() as connection:
        undo(connection, anna, first.public)
    with pytest.raises(RatingError) as error:
        say(study, anna, second.public)
    assert error.value.code == "not_in_hand"


def test_an_error_in_a_transaction_leaves_nothing_of_it(study, anna):
    given, _ = take(study, anna)

    def fail():
        with study.store.writing() as connection:
            submit(connection, anna, given.public, str(uuid.uuid4()), GOOD, StudySettings())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert stored(study) == log(study) == []
    assert take(study, anna)[0] == given


def at_once(work, count):
    """Run something in so many threads, all starting together; what each gave or raised."""
    results, barrier = [None] * count, threading.Barrier(count)

    def run(number):
        barrier.wait()
        try:
            results[number] = work(number)
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_many_windows_at_once_one_is_accepted(study, anna):
    given, _ = take(study, anna)
    results = at_once(lambda _: say(study, anna, given.public, GOOD), 8)
    accepted = [one for one in results if not isinstance(one, Exception)]
    assert len(accepted) == len(stored(study)) == len(log(study)) == 1
    assert {one.code for one in results if isinstance(one, Exception)} == {"already_rated"}


def test_of_one_key_sent_many_times_at_once_all_are_accepted_and_one_is_stored(study, anna):
    given, _ = take(study, anna)
    key = str(uuid.uuid4())
    results = at_once(lambda _: say(study, anna, given.public, GOOD, key=key), 8)
    assert {one.public for one in results} == {given.public}
    assert len(stored(study)) == 1


def test_many_windows_of_one_rater_get_the_same_item(study, anna):
    results = at_once(lambda _: take(study, anna)[0], 8)
    assert len(set(results)) == 1


def test_raters_at_once_never_share_the_last_place(tmp_path):
    names = [f"r{number}" for number in range(8)]
    with made_study(tmp_path, items=6, raters=names, raters_per_item=1, items_per_rater=3) as study:
        people = list(raters_of(study).values())
        at_once(lambda number: rate_on(study, people[number]), 8)
        claimed = [row.claimed for row in query(study, sa.select(schema.items.c.claimed))]
        assert claimed == [1] * 6
        assert len(stored(study)) == 6


def test_the_database_itself_forbids_a_second_rating(study, anna):
    given, _ = take(study, anna)
    say(study, anna, given.public, GOOD)
    row = stored(study)[0]._asdict()
    with pytest.raises(sa.exc.IntegrityError), study.store.writing() as connection:
        connection.execute(sa.insert(schema.ratings).values(**row))
    assert len(stored(study)) == 1


def test_a_full_disk_says_so_and_leaves_no_half_rating(tmp_path):
    with made_study(tmp_path, items=6) as study:
        anna = raters_of(study)["Anna"]
        given, _ = take(study, anna)
        long = replace(GOOD, comment="x" * 2000)

        def fill(public):
            with study.store.writing() as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
                for number in range(6):  # until what is free in the file is used up
                    submit(connection, anna, public, f"key-{number:016d}", long, StudySettings())
                    public = give_next(connection, anna, read_settings(connection))[0].public

        with pytest.raises(StorageError) as error:
            fill(given.public)
        assert error.value.code == "disk_full"
        assert "full" in str(error.value)
        assert stored(study) == log(study) == []
        study.store.close()  # there is room again
        assert take(study, anna)[0] == given
        say(study, anna, take(study, anna)[0].public, long)
        assert len(stored(study)) == 1


def test_a_database_that_is_held_is_busy_and_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr("affectspace.annotation.store.BUSY_SECONDS", 0.1)
    with made_study(tmp_path, items=2) as study, study.store.writing():
        results = at_once(lambda _: say(study, raters_of(study)["Anna"], "x"), 1)
    assert results[0].code == "busy"


def test_names_of_raters_are_names(study):
    with study.store.writing() as connection:
        assert add_rater(connection, "  Zoë   B ").name == "Zoë B"
    for name in ("", "   ", "x" * 81, "a\nb\x07", "sd", "N"):
        with study.store.writing() as connection, pytest.raises(StudyError):
            add_rater(connection, name)
    with study.store.writing() as connection, pytest.raises(NameTakenError, match="Zoë"):
        add_rater(connection, "ZOË B")
    with study.store.writing() as connection:
        anna = raters_of(study)["Anna"]
        assert change_rater(connection, anna, name="anna").name == "anna"  # her own
        with pytest.raises(NameTakenError):
            change_rater(connection, anna, name="Bo")
