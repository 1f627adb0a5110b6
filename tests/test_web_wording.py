"""The words of the rater's page, in every language, and the rules that its files keep."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from affectspace.report.embedding import SHARED

PAGES = files("affectspace.web") / "pages"
WORDING = PAGES / "static" / "wording"
LANGUAGES = ["da", "de", "el", "en", "fr", "ur"]
SCRIPT = {"el": r"[\u03ac-\u03ce]", "ur": r"[\u0600-\u06ff]"}
SCALES = ("activation", "valence", "dominance")
ENDS = ("name", "question", "explain")
SAME_EVERYWHERE = re.compile(r"^(direction|key\.)")


def words(language):
    return json.loads((WORDING / f"{language}.json").read_text(encoding="utf-8"))


def placeholders(text):
    return sorted(re.findall(r"\{(\w+)\}", text))


def sources(*endings):
    """The files with such endings, and what is in them, by their paths."""

    def walk(folder, path=""):
        for entry in folder.iterdir():
            if entry.is_dir():
                yield from walk(entry, f"{path}{entry.name}/")
            elif entry.name.endswith(endings):
                yield path + entry.name, entry.read_text(encoding="utf-8")

    return dict(walk(PAGES))


def test_the_languages_are_those_that_the_page_knows_before_it_has_a_session():
    assert sorted(entry.name[:2] for entry in WORDING.iterdir()) == LANGUAGES
    main = (PAGES / "static" / "rate" / "main.js").read_text(encoding="utf-8")
    [known] = re.findall(r"WITH_WORDING = \[([^]]+)\]", main)
    assert sorted(re.findall(r"\w+", known)) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same(language):
    english, found = words("en"), words(language)
    assert list(found) == list(english)
    for key, sentence in english.items():
        assert placeholders(found[key]) == placeholders(sentence), key
        assert found[key].strip() == found[key] != "", key
    assert found["direction"] == ("rtl" if language == "ur" else "ltr")


@pytest.mark.parametrize("language", SCRIPT)
def test_nothing_is_left_untranslated(language):
    for key, sentence in words(language).items():
        if not SAME_EVERYWHERE.match(key):
            assert re.search(SCRIPT[language], sentence.lower()), key


def test_every_key_that_is_used_exists_and_every_one_that_exists_is_used():
    english = set(words("en"))
    scripts = "\n".join(sources(".js").values())
    families = {key.split(".")[0] for key in english if "." in key}
    used = set(re.findall(rf"['\"`]((?:{'|'.join(families)})\.[a-z_0-9]+)['\"`]", scripts))
    assert used <= english
    # Keys that are put together: `error.${code}`, `how.key_${doing}`, `${label}.name`.
    beginnings = tuple(re.findall(r"`([a-z]+\.[a-z_]*)\$\{", scripts))
    built = {key for key in english if key.startswith(beginnings)}
    scales = {f"{label}.{end}" for label in SCALES for end in (*ENDS, *"12345")}
    assert english - used - built - scales == {"direction"}


def test_pages_carry_no_code_or_style_of_their_own_and_ask_no_one_else():
    for name, text in sources(".html").items():
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text), name
    for name, text in sources(".html", ".js", ".css").items():
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(", text), name
        assert text.count("\n") < 400, name


def test_pages_name_only_files_that_there_are():
    for name, text in sources(".html").items():
        for path in re.findall(r'(?:src|href)="(static/[^"]+)"', text):
            name_of_shared = path.removeprefix("static/report/")
            assert (PAGES / path).is_file() or name_of_shared in SHARED, (name, path)
