"""Checkpoints: the last one, and the one before for when a disk or a cloud folder has damaged the last."""

import io
import json
import zipfile

import numpy as np

from dendnet.experiments import storage
from dendnet.experiments.progress import say

LAST, BEFORE = "checkpoint.npz", "checkpoint-before.npz"


def save(folder, values, place):
    """Write arrays in the order given, and a place, anything that JSON holds; the last checkpoint is kept beside it.

    Raises:
        Trouble: The disk is full, or cannot be written to. The checkpoints are what they were.
    """
    buffer = io.BytesIO()
    np.savez(buffer, place=np.array(json.dumps(place)), **{f"v{i}": value for i, value in enumerate(values)})
    storage.write(folder / LAST, buffer.getbuffer(), keep=folder / BEFORE)


def load(folder):
    """The arrays and the place of the last checkpoint that is whole, or ``(None, None)`` where there is none.

    What is damaged is removed, and a line says so.

    Raises:
        Trouble: A checkpoint is there and cannot be read.
    """
    lost = []
    for path in (folder / LAST, folder / BEFORE):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise storage.trouble(path, "read", error) from error
        try:
            found = parsed(content)
        except Exception as error:  # damaged files raise nearly anything
            lost.append(f"{path} is damaged ({' '.join(str(error).split()) or type(error).__name__})")
            storage.remove(path)
            continue
        if path.name == BEFORE:
            say(f"dendnet: {(*lost, f'{folder / LAST} is missing')[0]}: going on from the checkpoint before it")
        return found
    if lost:
        say(f"dendnet: {' and '.join(lost)}: beginning anew")
    return None, None


def parsed(content):
    """The arrays and the place of a checkpoint, every byte of which is checked."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if altered := packed.testzip():
            raise ValueError(f"{altered} has another checksum")
    with np.load(io.BytesIO(content)) as arrays:
        place = json.loads(str(arrays["place"]))
        if not isinstance(place, dict) or not {"epoch", "step", "metrics", "starts", "backend"} <= set(place):
            raise ValueError("it says no place")
        return [arrays[f"v{i}"] for i in range(len(arrays.files) - 1)], place
