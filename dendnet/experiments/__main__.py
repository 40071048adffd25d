"""``python -m dendnet.experiments``: run one training, a sweep of them, or report what they show."""

import argparse
import sys
import tomllib
from pathlib import Path

from dendnet.experiments.progress import say


class Parser(argparse.ArgumentParser):
    """Refuses in one line."""

    def error(self, message):
        raise ValueError(f"{message}; {self.prog} --help lists what there is")


def pair(text):
    """``name=value`` with a value as in TOML, or a text as it stands."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"must be name=value. Received: {text!r}")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, KeyError, RecursionError):
        return name, value


def part(text):
    """``K/N`` with 1 <= K <= N, as a slice of the runs."""
    which, slash, of = text.partition("/")
    if not (slash and which.isdigit() and of.isdigit() and 1 <= int(which) <= int(of)):
        raise argparse.ArgumentTypeError(f"must be K/N with 1 <= K <= N, as 2/4. Received: {text!r}")
    return slice(int(which) - 1, None, int(of))


def parser():
    """The command line."""
    main = Parser(prog="python -m dendnet.experiments", description=__doc__, allow_abbrev=False)
    commands = main.add_subparsers(required=True, metavar="run|sweep|report", dest="command")

    run = commands.add_parser("run", help="one training, or what is left of it", allow_abbrev=False)
    run.add_argument(
        "--data", required=True, help="cifar10, cifar100, imagenette, imagewoof, sgemm, digits or a folder"
    )
    run.add_argument("--model", default="cifar_resnet", help="cifar_resnet, resnet or mlp")
    run.add_argument(
        "--unit",
        default="dac",
        help="dac, standard, apl or quadratic; all but dac also with -parameters or -flops behind",
    )
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--protocol", default="short", help="smoke, short, medium, full or table")
    run.add_argument("--set", type=pair, action="append", default=[], metavar="NAME=VALUE", help="change the protocol")
    run.add_argument(
        "--option", type=pair, action="append", default=[], metavar="NAME=VALUE", help="depth, width, layers, segments"
    )
    run.add_argument("--dac-option", type=pair, action="append", default=[], metavar="NAME=VALUE", help="of DAC layers")
    run.add_argument("--image-size", type=int, help="pixels of an image's side, for folders of images")
    run.add_argument("--validation", type=int, default=0, help="training examples to test on in place of the test set")
    run.add_argument("--results", help="file that the record is added to (results/runs.jsonl)")
    sweep = commands.add_parser("sweep", help="all runs of a plan, or what is left of them", allow_abbrev=False)
    sweep.add_argument("plan", help="a TOML file")
    sweep.add_argument("--results", help="file that records are added to (results/PLAN.jsonl)")
    sweep.add_argument(
        "--part",
        type=part,
        default=slice(None),
        metavar="K/N",
        help="each N-th run from the K-th: N processes, or GPUs",
    )
    for command in (run, sweep):
        command.add_argument("--data-dir", help="folder of the unpacked archive; otherwise it is downloaded once")
        command.add_argument("--runs", default="runs", help="folder of the runs' checkpoints (runs)")
        command.add_argument("--minutes", type=float, default=5.0, help="longest time between checkpoints (5)")
        command.add_argument("--device", default="any", help="any, or gpu to refuse to train without one")
        command.add_argument("--devices", type=int, default=1, help="how many share each batch (1)")
        command.add_argument("--tensorboard", action="store_true", help="write TensorBoard's events too")
    report = commands.add_parser("report", help="tables, and a figure, of recorded runs", allow_abbrev=False)
    report.add_argument("results", nargs="+", help="results files")
    report.add_argument("--figure", help="file to draw the intervals into")
    return main


def run_one(options):
    """The command ``run``."""
    from dendnet.experiments import sweeps
    from dendnet.experiments.runs import Run

    run = Run.of(
        {
            "data": options.data,
            "model": options.model,
            "unit": options.unit,
            "seed": options.seed,
            "protocol": {"name": options.protocol} | dict(options.set),
            "options": dict(options.option),
            "dac_options": dict(options.dac_option),
            "image_size": options.image_size,
            "validation": options.validation,
        }
    )
    return sweeps.run_all([run], options, options.results or "results/runs.jsonl")


def run_sweep(options):
    """The command ``sweep``."""
    from dendnet.experiments import plans, sweeps

    runs = plans.read(options.plan)
    results = options.results or f"results/{Path(options.plan).stem}.jsonl"
    return sweeps.run_all(runs[options.part], options, results, {run.seed for run in runs})


def run_report(options):
    """The command ``report``."""
    from dendnet.experiments import records, report

    found = [record for path in options.results for record in records.read(path)]
    comparisons = report.compare(found)
    print("\n".join(report.provenance(found)))
    print(f"\n{report.costs(found).to_markdown()}\n")
    print(report.table(comparisons).to_markdown() if comparisons else "There are no pairs of a DAC and a standard one.")
    if options.figure:
        report.draw(comparisons).savefig(options.figure)
    return 0


def main(arguments=None):
    """Run a command; its status is 0, 1 for trouble on the way, 2 for what cannot be, 128 + N after the signal N."""
    try:
        options = parser().parse_args(arguments)
    except ValueError as error:
        say(f"dendnet: {error}")
        return 2
    from dendnet.experiments.signals import Interrupted
    from dendnet.experiments.storage import Trouble, sentence

    commands = {"run": run_one, "sweep": run_sweep, "report": run_report}
    try:
        return commands[options.command](options)
    except (ValueError, ImportError) as error:
        if "\n" in str(error).strip():
            raise
        say(f"dendnet: {error}")
        return 2
    except (Trouble, OSError) as error:
        say(f"dendnet: {sentence(error)}")
        return 1
    except Interrupted as error:
        say(f"dendnet: interrupted, {error.saved}; the same command goes on there")
        return 128 + error.number
    except KeyboardInterrupt:
        say("dendnet: interrupted; what was saved before is kept, and the same command goes on there")
        return 130


if __name__ == "__main__":
    sys.exit(main())
