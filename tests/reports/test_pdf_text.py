"""Strings from strangers: cut, cleaned, put in drawing order, and never lost."""

from __future__ import annotations

import pytest

from reports.pdf import fonts
from reports.pdf.bidi import has_right_to_left, joined, visual
from reports.pdf.text import Texts, code, fit, wrapped


def test_markup_in_a_name_is_printed_and_not_obeyed() -> None:
    assert Texts().markup("<b>a</b> & b") == "&lt;b&gt;a&lt;/b&gt; &amp; b"


def test_direction_overrides_and_controls_are_dropped() -> None:
    assert Texts().clean("a\u202eb\u0000c\u2066d\nf\tg") == "abcd f g"


def test_a_long_cell_is_cut_and_kept_in_full() -> None:
    texts = Texts()
    cell = texts.cell("word " * 2_000)
    assert 'href="#text-1"' in cell
    assert texts.full == [("word " * 2_000).strip()]


def test_the_same_long_text_is_kept_once() -> None:
    texts = Texts()
    assert texts.cell("x" * 500) == texts.cell("x" * 500)
    assert len(texts.full) == 1


def test_a_short_cell_stays_whole() -> None:
    texts = Texts()
    assert texts.cell("a" * 120) == "a" * 120
    assert not texts.full


def test_a_registered_name_is_printed_as_people_say_it() -> None:
    assert Texts().clean("the attack model_inversion.mi_face gains") == "the attack mi-face gains"


def test_a_character_no_font_holds_is_replaced_and_remembered() -> None:
    texts = Texts()
    assert texts.clean("株 ok") == "□ ok"
    assert texts.undrawable == {"株"}


@pytest.mark.parametrize("width", [5, 30, 200])
def test_a_fitted_line_keeps_to_its_width(width: float) -> None:
    assert fonts.width(fit("m" * 10_000, fonts.BOLD, 9, width), fonts.BOLD, 9) <= max(width, fonts.width("…", fonts.BOLD, 9))


def test_wrapped_lines_lose_no_character_and_keep_to_their_width() -> None:
    text = "ab " * 100 + "x" * 1_000
    lines = wrapped(text, fonts.REGULAR, 8.5, 100)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(fonts.width(line, fonts.REGULAR, 8.5) <= 100 for line in lines)


def test_hebrew_is_drawn_from_the_right() -> None:
    assert visual("שלום") == "םולש"
    assert visual("abc שלום def") == "abc םולש def"


def test_numbers_keep_their_order_and_brackets_turn() -> None:
    """The example of UAX #9: in a left-to-right line a number behind Hebrew letters stands at their left."""
    assert visual("גרסה 12") == "12 הסרג"
    assert visual("מודל (גרסה 1)") == "(1 הסרג) לדומ"


def test_arabic_letters_join_as_the_unicode_standard_says() -> None:
    """meem initial, hah medial, meem medial, dal final."""
    assert joined("محمد") == "\ufee3\ufea4\ufee4\ufeaa"
    assert joined("لا") == "\ufefb"
    assert joined("ا") == "\ufe8d"


def test_latin_text_is_left_alone() -> None:
    assert not has_right_to_left("Zoë → Łódź")
    assert visual("Zoë → Łódź") == "Zoë → Łódź"


def test_a_digest_is_shown_by_its_first_eight_digits() -> None:
    assert code("9f2c41ab" + "0" * 56) == "9f2c 41ab"
    assert code(None) == "not recorded"
