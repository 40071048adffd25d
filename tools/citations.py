"""Citations by authors and year, told apart by a, b, ...; the bibliography is sorted and labelled by the same."""

import re
from itertools import groupby

from pybtex.database import BibliographyData
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style as Unsorted
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle


def authors(entry):
    """Whom a citation names: one or two last names, or the first one and others."""
    names = [" ".join(person.prelast_names + person.last_names) for person in entry.persons["author"]]
    names = [re.sub("[{}]", "", name) for name in names]
    if len(names) > 2 or names[-1] == "others":
        return f"{names[0]} et al."
    return " and ".join(names)


def year(entry):
    """A year without the letter that tells its papers apart."""
    return entry.fields["year"][:4]


def told_apart(entries):
    """Give the years of one author's papers a letter each, in the order of their titles, where they are the same."""
    entries = SortingStyle().sort(entries)
    for _, same in groupby(sorted(entries, key=lambda e: (authors(e), year(e))), lambda e: (authors(e), year(e))):
        same = list(same)
        for letter, entry in zip("abcdefgh", same, strict=False):
            entry.fields["year"] = year(entry) + (letter if len(same) > 1 else "")


class Labels(BaseLabelStyle):
    """What a paper is called in the bibliography is what it is called where it is cited."""

    def format_labels(self, sorted_entries):
        """The labels, in order."""
        return [f"{authors(entry)}, {entry.fields['year']}" for entry in sorted_entries]


class Style(Unsorted):
    """The bibliography by author, year and title."""

    default_sorting_style = "author_year_title"
    default_label_style = "authors_and_year"


def tell_apart(app):
    """Set the letters once the bibliography has been read."""
    data: BibliographyData = app.env.get_domain("cite").bibdata.data
    told_apart(list(data.entries.values()))


def setup(app):
    """Register the style, which _config.yml names."""
    register_plugin("pybtex.style.labels", "authors_and_year", Labels)
    register_plugin("pybtex.style.formatting", "dendnet", Style)
    app.connect("builder-inited", tell_apart, priority=900)
    return {"parallel_read_safe": True}
