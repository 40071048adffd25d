"""A check says right or not yet, in one line, and neither shows the answer nor stops at one that it cannot read; a
mistake that is given as one is named and refused.
"""

import subprocess
import sys

import numpy as np
import pytest

from dendnet.exercises import check, digest


def said(capsys, *arguments, **options):
    check("Halves", *arguments, **options)
    return capsys.readouterr().out


def is_half(x):
    return x + x == 1


by_both = pytest.mark.parametrize("right", [is_half, digest("Halves", 0.5)], ids=["by a function", "by its digest"])


@by_both
def test_right_wrong_and_none_yet(capsys, right):
    assert said(capsys, ..., right) == "Halves: no answer yet\n"
    assert said(capsys, 0.5, right) == "Halves: right\n"
    assert said(capsys, 0.4, right) == "Halves: not right yet.\n"
    assert said(capsys, 0.4, right, hint="Add it to itself.") == "Halves: not right yet. Add it to itself.\n"


@by_both
def test_a_mistake_is_named_and_refused(capsys, right):
    said_of_it = said(capsys, 2, right, mistake="twice in place of half")
    assert said_of_it == "Halves: the common mistake (twice in place of half) is refused\n"


@by_both
@pytest.mark.parametrize("answer", [0.5, {}], ids=["right", "unreadable"])
def test_a_mistake_must_be_wrong_but_of_the_right_kind(capsys, right, answer):
    with pytest.raises(ValueError, match=r"answer must be a mistake.* Received: answer="):
        check("Halves", answer, right, mistake="none")
    assert capsys.readouterr().out == ""


def test_no_answer_is_not_tried(capsys):
    assert said(capsys, ..., lambda answer: 1 / 0) == "Halves: no answer yet\n"


@pytest.mark.parametrize("answer", ["a half", [0.5, 0.5], np.array([0.5, 0.5])], ids=["text", "list", "array"])
def test_what_cannot_be_read_is_not_right_and_says_why(capsys, answer):
    line = said(capsys, answer, lambda x: x - 0.5 == 0, hint="A number.")
    assert line.startswith("Halves: not right yet. It cannot be read: ") and line.endswith("A number.\n")
    assert line.count("\n") == 1


def test_a_digest_cannot_be_made_of_text(capsys):
    assert "It cannot be read: ValueError" in said(capsys, "a half", digest("Halves", 0.5))


def test_a_digest_knows_the_exercise_and_two_decimals():
    assert digest("Halves", 0.5) == digest("Halves", [0.5004]) == digest("Halves", np.float32(0.5))
    assert digest("Halves", -0.001) == digest("Halves", 0)
    assert digest("Halves", True) == digest("Halves", 1) != digest("Halves", False)
    assert digest("Halves", [1, 2]) != digest("Halves", [2, 1])
    assert digest("Halves", 0.5) != digest("Quarters", 0.5)
    assert digest("Halves", 0.5) != digest("Halves", 0.51)


def test_it_needs_no_matplotlib():
    program = "import sys; sys.modules['matplotlib'] = None; import dendnet.exercises"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_digest_of_no_numbers_is_refused():
    with pytest.raises(ValueError, match=r"answer must be a number.* Received: answer='half'"):
        digest("Halves", "half")
