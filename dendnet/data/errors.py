"""What stands in the way of data that were asked for rightly."""


class DataError(OSError):
    """An archive or file is out of reach, cut off, altered or hostile; the message names it and says what to do.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """
