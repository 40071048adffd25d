"""Logs of a run's folder for other programs: a CSV file, and TensorBoard's events where asked for."""

import csv
import io

from dendnet.experiments import storage


def write(folder, metrics):
    """log.csv: a line for each epoch."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(metrics[0]))
    table.writeheader()
    table.writerows(metrics)
    storage.write(folder / "log.csv", text.getvalue().encode())


def tensorboard(folder, metrics):
    """TensorBoard's events of a run, written anew from its metrics.

    Raises:
        Trouble: TensorBoard is not installed.
    """
    Writer = writer_class()
    target = folder / "tensorboard"
    for old in target.glob("events.*"):
        old.unlink()
    writer = Writer(str(target))
    for row in metrics:
        for name, value in row.items():
            if name != "epoch":
                writer.add_scalar(name, value, row["epoch"])
    writer.close()


def writer_class():
    """TensorBoard's writer."""
    try:
        from tensorboard.summary import Writer
    except ImportError as error:
        raise storage.Trouble("--tensorboard needs TensorBoard: pip install tensorboard") from error
    return Writer
