"""Execute chapters in place and keep their outputs clean: no stderr, no times, no widget state.

python tools/notebooks.py book/unit.ipynb ...
python tools/notebooks.py --clean book/unit.ipynb ...    cleans what is stored, without executing
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def clean(notebook):
    """Drop what changes from run to run or speaks of the machine alone."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = joined([o for o in cell.outputs if o.get("name") != "stderr"])
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def joined(outputs):
    """One output for what a cell prints in several pieces, which depends on timing."""
    whole: list = []
    for output in outputs:
        if whole and output.output_type == "stream" and whole[-1].output_type == "stream":
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def main(paths):
    """Execute each notebook in its own folder; a cell that fails stops everything and nothing is written."""
    if paths[:1] == ["--clean"]:
        for path in map(Path, paths[1:]):
            stored = path.read_text()
            cleaned = nbformat.writes(clean(nbformat.reads(stored, as_version=4))) + "\n"
            if cleaned != stored:
                path.write_text(cleaned)
                print(f"{path}: cleaned")
        return
    for path in map(Path, paths):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": path.parent}}).execute()
        nbformat.write(clean(notebook), path)
        print(f"{path}: {sum(c.cell_type == 'code' for c in notebook.cells)} code cells executed")


if __name__ == "__main__":
    main(sys.argv[1:])
