"""Exercises: graded, each with a cell that checks the reader's answer, and a solution that passes the check and runs.

Whether a check and its solution agree is what nbval compares: the stored solution prints that a right answer is right
and that a common mistake, which it names, is refused.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)

GRADES = ["Predict", "Derive", "Build", "Research"]
INTRODUCTION = (
    "## Exercises The exercises get harder: first *predict* (no running), then *derive* and *build*; in *research* the "
    "cell can check only part of your answer. Put your answer in place of `...` and run the cell: it says whether it "
    "is right."
)
STATEMENT = re.compile(r":::\{exercise\} (.*)\n:label: (.*)\n\*(\w+)\.\* ")
SOLUTION = re.compile(r":::\{solution-start\} (.*)\n:label: .*\n:class: dropdown\n:::\n*([\s\S]*)")


def exercises(path):
    """Of each exercise: title, label, grade, cells before its solution, the solution's text and cells."""
    found, inside = [], None
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"(?=^:::\{)", cell.source, flags=re.MULTILINE):
                if statement := STATEMENT.match(part):
                    title, label, grade = statement.groups()
                    found.append({"title": title, "label": label, "grade": grade, "check": [], "code": [], "text": ""})
                    inside = found[-1]["check"]
                elif solution := SOLUTION.match(part):
                    assert solution[1] == found[-1]["label"]
                    found[-1]["text"], inside = solution[2].strip(), found[-1]["code"]
                elif part.startswith(":::{solution-end}"):
                    inside = None
        elif inside is not None:
            inside.append(cell)
    return found


def checks(cell):
    """What a cell checks: (title, what stands for the answer) of each call."""
    calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
    calls = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "check"]
    return [(ast.literal_eval(call.args[0]), ast.unparse(call.args[1])) for call in calls]


def printed(cell):
    """Lines that nbval compares."""
    if "nbval-ignore-output" in cell.metadata.get("tags", []):
        return []
    return [line for output in cell.outputs for line in output.get("text", "").splitlines()]


@every_chapter
def test_five_at_least_and_all_are_found(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    assert len(exercises(path)) >= 5 and INTRODUCTION in " ".join(text.split())
    for directive in ("exercise", "solution-start", "solution-end"):
        assert text.count(f":::{{{directive}}}") == len(exercises(path))


@every_chapter
def test_they_rise_from_prediction_to_research(path):
    grades = [GRADES.index(each["grade"]) for each in exercises(path)]
    assert grades == sorted(grades) and grades[0] == 0 and grades[-1] == 3


@every_chapter
def test_each_has_a_check_without_an_answer(path):
    for each in exercises(path):
        (cell,) = each["check"]
        blanks = re.findall(r"^answer = (.*)", cell.source, re.MULTILINE)
        assert [blank.partition("#")[0].strip() for blank in blanks] == ["..."], cell.source
        assert "\n# " in f"\n{cell.source}".split("answer = ...")[0] or "#" in blanks[0], "of what kind is the answer?"
        assert checks(cell) == [(each["title"], "answer")]
        assert printed(cell) == [f"{each['title']}: no answer yet"]


@every_chapter
def test_each_solution_says_why_and_passes_its_check_as_its_mistake_does_not(path):
    for each in exercises(path):
        assert len(each["text"]) > 40 and each["code"], each["title"]
        answers = [answer for cell in each["code"] for title, answer in checks(cell) if title == each["title"]]
        assert len(answers) >= 2 and "answer" not in answers, each["title"]
        lines = [line for cell in each["code"] for line in printed(cell)]
        assert f"{each['title']}: right" in lines, each["title"]
        refused = re.escape(each["title"]) + r": the common mistake \(.{4,}\) is refused"
        assert any(re.fullmatch(refused, line) for line in lines), each["title"]
        assert not any("not right yet" in line for line in lines), "a reader would take it for a failure"
