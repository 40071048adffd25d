"""One run after another, of which a failing one stops none."""

import shlex
import sys
from pathlib import Path

from dendnet.experiments import checks, identity, records, training
from dendnet.experiments.progress import Progress, say
from dendnet.experiments.storage import Trouble, sentence


class DataSets:
    """Data sets of runs: the last one is kept, and of each its checksum, or why it cannot be had."""

    def __init__(self, folder):
        self.folder, self.last, self.known = folder, {}, {}

    def of(self, run):
        """The data set."""
        from dendnet import data

        key = run.data, run.image_size
        if isinstance(self.known.get(key), Exception):
            raise self.known[key]
        if key not in self.last:
            try:
                self.last = {key: data.load(run.data, self.folder, run.image_size)}
            except (ValueError, ImportError, OSError) as error:
                self.known[key] = error
                raise
            self.known[key] = self.last[key].checksum
        return self.last[key]

    def checksum(self, run):
        """Its checksum."""
        known = self.known.get((run.data, run.image_size))
        return known if isinstance(known, str) else self.of(run).checksum


def run_all(runs, options, results, planned=()):
    """Train what is not in the results yet.

    Args:
        runs: Runs, one after another.
        options: Of the command line.
        results: File of the records.
        planned: All seeds that are to be trained, these runs' and others', for the records to say.

    Returns:
        0; 1 where a run diverged or failed, which stops no other; 2 where what a run asks for cannot be.
    """
    from dendnet.experiments import devices, logs

    checks.number("minutes", options.minutes, least=0)
    if options.tensorboard:
        logs.writer_class()
    scope = devices.prepare(options.device, options.devices)
    found = records.by_run(records.read(results)) if Path(results).exists() else {}
    sets, failed, status = DataSets(options.data_dir), [], 0
    for number, run in enumerate(runs, 1):
        title = f"{run.data} {run.network} {run.variant} {run.unit} seed {run.seed}".replace("  ", " ")
        title = f"[{number}/{len(runs)}] {title}"
        try:
            wanted = identity.identity(run, sets.checksum(run), records.versions())
            if before := found.get(identity.settings(wanted)):
                say(f"{title}: finished before{_otherwise(before, wanted)}")
                if "diverged" in before:
                    raise training.Diverged(before)
                continue
            say(title)
            one(run, sets.of(run), options, results, scope, sorted(planned))
        except (Trouble, OSError, ValueError, ImportError) as error:
            if (len(runs) == 1 and not isinstance(error, training.Diverged)) or "\n" in str(error).strip():
                raise
            say(f"dendnet: {sentence(error)}")
            failed.append(f"{title}: {sentence(error)}")
            status = max(status, 1 if isinstance(error, (Trouble, OSError)) else 2)
    if len(runs) > 1 and failed:
        say("\n    ".join([f"dendnet: {len(failed)} of {len(runs)} runs failed or diverged:", *failed]))
    return status


def _otherwise(before, wanted):
    """What versions a finished run was trained with, where they are others than these."""
    differ = identity.differences(identity.of_record(before), wanted)
    return f", with other versions ({identity.said(differ)})" if differ else ""


def one(run, dataset, options, results, scope, planned):
    """Train one run and add it to the results, also where it diverged."""
    import keras

    from dendnet.experiments import devices, logs

    first, ended = devices.process()[0] == 0, None
    progress = Progress(run.unit, run.protocol.epochs) if first else None
    try:
        record = training.train(run, dataset, options.runs, options.minutes, progress, scope, command(sys.argv[1:]))
    except training.Diverged as error:
        record, ended = error.record, error
    if options.tensorboard and first:
        logs.tensorboard(Path(options.runs) / run.id, record["metrics"])
    if first:
        records.publish(record | ({"planned": planned} if planned else {}), results)
    keras.utils.clear_session()
    if ended:
        raise ended
    say(f"    {record['measure']} {record['value']:.4f}, {sum(record['times']['seconds']):.0f} s")


def command(words):
    """The command as records hold it, without the folders of this machine and what part of a sweep this process had."""
    folders = ("--data-dir", "--runs", "--results")
    pairs = zip(["", *words], words, strict=False)
    kept = ["FOLDER" if before in folders else word for before, word in pairs if "--part" not in (before, word)]
    return "python -m dendnet.experiments " + shlex.join(kept)
