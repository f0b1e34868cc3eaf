"""Prose refuses numbers typed by hand; text from ledgers is shown, never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.report.cleaned_text import clean
from race_to_efficiency.report.content import (
    Code,
    ContentTable,
    Fact,
    Label,
    Num,
    Para,
    Strong,
    Text,
    data_table,
    join,
    say,
    table_columns,
)
from race_to_efficiency.report.document import walk_blocks
from race_to_efficiency.report.silent_columns import told
from report_quarter import HOSTILE


def test_a_template_takes_parts_labels_strong_and_code():
    found = say("**Kappa** is {value} at [[95 %]]; see `race show`, {name}.", value=Num("k"), name="a_name")
    assert found == (
        Strong("Kappa"),
        Text(" is "),
        Num("k"),
        Text(" at "),
        Label("95 %"),
        Text("; see "),
        Code("race show"),
        Text(", "),
        Fact("a_name"),
        Text("."),
    )


@pytest.mark.parametrize("template", ["kappa is 0.05", "**17** rows", "in ٣ years", "gamma ≈ 2"])
def test_a_number_typed_by_hand_is_refused(template):
    with pytest.raises(ValueError, match="typed by hand"):
        say(template)


def test_a_part_that_is_missing_is_named():
    with pytest.raises(ValueError, match="wants a part called 'value'"):
        say("it is {value}", other=Num("k"))


@pytest.mark.parametrize("name", HOSTILE)
def test_text_from_a_ledger_is_never_read_as_a_template(name):
    (found,) = say("{name}", name=name)
    assert isinstance(found, Fact)
    assert found.text == clean(name)


@given(st.text(max_size=600))
def test_what_is_shown_has_no_invisible_character_and_an_end(text):
    shown = clean(text)
    assert all(unicodedata.category(sign)[0] != "C" for sign in shown)
    assert len(shown) < 240 * 8 + 60
    assert "\n" not in shown


def test_direction_marks_become_visible():
    assert clean("chip \u202egnp.exe") == "chip ⟨U+202E⟩gnp.exe"
    assert clean("x" * 10_000) == "x" * 240 + " … (10,000 characters in the ledger)"


def test_cleaning_twice_changes_nothing_for_what_is_shown_whole():
    for name in HOSTILE:
        if len(name) < 200:
            assert clean(clean(name)) == clean(name)


def test_columns_and_joined_lists():
    assert [column.kind for column in table_columns("a", "#b", "~c")] == ["text", "number", "long"]
    assert [column.title for column in table_columns("a", "#80 %", "~c")] == ["a", "80 %", "c"]
    assert join([Num("a"), "b"], " + ") == (Num("a"), Text(" + "), Fact("b"))


def test_paragraphs_and_tables_are_made_from_templates_and_refuse_a_number_typed_by_hand() -> None:
    made = Para.of("it is {value} of {name}", "note", value=Num("k"), name="a")
    assert made == Para((Text("it is "), Num("k"), Text(" of "), Fact("a")), "note")
    assert Para.of("plain") == Para((Text("plain"),), "text")
    rows = [((Fact("a"),), (Num("k"),))]
    caption, note = (Text("at "), Label("95 %")), (Text("see "), Code("race"))
    for title, under in (("at [[95 %]]", "see `race`"), (caption, note)):
        table = ContentTable.of("t", title, ("name", "#value"), iter(rows), under, folded=True)
        assert table == ContentTable("t", caption, table_columns("name", "#value"), tuple(rows), note, folded=True)
    for title, under in (("of 17 rows", ""), ("rows", "of 17")):
        with pytest.raises(ValueError, match="typed by hand"):
            ContentTable.of("t", title, ("name",), [], under)


def test_the_table_of_a_figure_says_of_what_it_is() -> None:
    for of, caption in (("kappa by group", "Data of the figure: kappa by group"), ("", "Data of the figure")):
        made = data_table("fig-data", (of, ("a", "#b"), [((Fact("x"),), (Num("k"),))]))
        assert (made.id, made.caption, made.folded) == ("fig-data", (Text(caption),), False)
    own = (Text("the headline is "), Num("k"))
    assert data_table("t", (own, ("a",), [])) == ContentTable("t", own, table_columns("a"), ())


def test_walk_reaches_everything_in_reading_order():
    parts = say("{a} then **b**", a=Num("one"))
    assert [item for item in walk_blocks([(parts,)]) if not isinstance(item, tuple)] == list(parts)


def test_a_column_in_which_no_row_says_anything_is_left_out_and_no_other() -> None:
    rows = (
        ((Fact("a"),), say("–"), (Fact("–"),), (Fact("1"),), ()),
        ((Fact("b"),), say("–"), (Fact("–"),), say("–"), ()),
    )
    table = told(ContentTable("t", say("Made up"), table_columns("name", "#dash", "~fact", "#half", "#none"), rows))
    assert [column.title for column in table.columns] == ["name", "half"]
    assert table.rows == (((Fact("a"),), (Fact("1"),)), ((Fact("b"),), say("–")))
    assert told(table) == table
