"""The check cells of the book's exercises: whether an answer is right, without showing what would be.

    from dendnet.exercises import check

An answer is judged by what it must do, by the library, or, where that would give it away, by its digest.
"""

import hashlib

import numpy as np


def check(exercise, answer, right, hint="", mistake=""):
    """Print whether an answer to an exercise is right, in one line.

    A solution also shows that its exercise's common mistake is refused: it names the ``mistake``.

    Args:
        exercise: The exercise's title, which begins the line.
        answer: The reader's answer; ``...`` stands for none yet.
        right: A function of the answer that says whether it is right, or the :func:`digest` of the right one.
        hint: What to say after an answer that is not right. An answer that the function cannot read, because it is of
            the wrong kind or shape, is not right either; then its error is said as well.
        mistake: What is wrong with ``answer``, in a few words, where a solution gives a wrong one on purpose.

    Raises:
        ValueError: ``answer`` is given as a mistake, but it is right or cannot be read.

    Example:
        >>> from dendnet.exercises import check
        >>> check("Halves", ..., lambda x: x + x == 1)
        Halves: no answer yet
        >>> check("Halves", 0.25, lambda x: x + x == 1, hint="What do two of them make?")
        Halves: not right yet. What do two of them make?
        >>> check("Halves", 0.5, lambda x: x + x == 1)
        Halves: right
        >>> check("Halves", 2, lambda x: x + x == 1, mistake="twice in place of half")
        Halves: the common mistake (twice in place of half) is refused

    Reference:
        The chapter "One bias per connection" of the book, section "Exercises".
    """
    if answer is ...:
        print(f"{exercise}: no answer yet")
        return
    trouble = ""
    try:
        found = bool(right(answer)) if callable(right) else digest(exercise, answer) == right
    except Exception as error:
        found, trouble = False, f"It cannot be read: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
    if mistake:
        if found or trouble:
            raise ValueError(f"answer must be a mistake, wrong but of the right kind. Received: answer={answer!r}")
        print(f"{exercise}: the common mistake ({mistake}) is refused")
        return
    print(f"{exercise}: right" if found else " ".join(filter(None, [f"{exercise}: not right yet.", trouble, hint])))


def digest(exercise, answer):
    """Eight letters and digits that tell right numbers from wrong ones, and do not show them.

    They keep an answer from being read, not from being searched for.

    Args:
        exercise: The exercise's title: equal answers to two exercises have different digests.
        answer: A number or truth value, or a list or array of them; its first two decimals count.

    Raises:
        ValueError: ``answer`` is none of these.

    Example:
        >>> from dendnet.exercises import check, digest
        >>> check("Halves", 0.5, digest("Halves", [0.5]))
        Halves: right

    Reference:
        The chapter "One bias per connection" of the book, section "Exercises".
    """
    try:
        numbers = np.asarray(answer, "float64")
    except (TypeError, ValueError) as error:
        raise ValueError(f"answer must be a number, or a list or array of them. Received: answer={answer!r}") from error
    numbers = np.round(np.ravel(numbers), 2) + 0.0  # turns -0 into 0
    return hashlib.sha256(f"{exercise}: {numbers.tolist()}".encode()).hexdigest()[:8]
