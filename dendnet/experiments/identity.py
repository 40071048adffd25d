"""What decides a run's result, said in one place: checkpoints, results files and reports go by it."""

import json

from dendnet.experiments.runs import Run

BACKENDS = ("tensorflow", "jax", "torch")
#: Versions round otherwise and draw otherwise: a checkpoint is of one of each, finished runs may be of several.
VERSIONS = ("dendnet", "keras", *BACKENDS, "numpy")


def identity(run, checksum, versions):
    """All that decides a run's result, by name.

    Args:
        run: A :class:`Run`.
        checksum: Of its data set.
        versions: By name, as records hold them; of the backends the one that trains.

    Returns:
        A dict: every setting of the run and its protocol, ``checksum``, ``backend`` and the versions that matter.
    """
    table = run.to_dict()
    protocol, options, dac_options = (table.pop(name) for name in ("protocol", "options", "dac_options"))
    table |= {"protocol": protocol.pop("name"), "protocol version": protocol.pop("version")}
    backend = next((name for name in BACKENDS if name in versions), None)
    known = {name: versions[name] for name in VERSIONS if name in versions}
    return {**table, **protocol, **options, **dac_options, "checksum": checksum, "backend": backend, **known}


def of_record(record):
    """The identity of a recorded run.

    Raises:
        ValueError: It is no record of a run.
    """
    try:
        return identity(Run.of(record["run"]), record["data"]["checksum"], record["versions"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"A record must hold run, data and versions. Received: {str(record)[:80]}") from error


def without(one, *names):
    """An identity without some of its names."""
    return {name: value for name, value in one.items() if name not in names}


def settings(one):
    """An identity without its versions, as a text: the same for runs that need not be trained twice."""
    return key(without(one, *VERSIONS))


def key(one):
    """An identity as a text, the same for the same."""
    return json.dumps(one, sort_keys=True)


def differences(one, other):
    """What two identities differ in, ``{name: (of the one, of the other)}``; None stands for what one has not."""
    names = dict.fromkeys([*one, *other])
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}


def said(found):
    """Differences in words: ``"learning_rate: 0.1 and 0.3"``."""
    return ", ".join(f"{name}: {short(name, a)} and {short(name, b)}" for name, (a, b) in found.items())


def short(name, value):
    """A value of an identity in words; of a checksum the beginning."""
    return str(value)[:8] if name == "checksum" else str(value)
