"""One training: that it repeats, goes on where it was stopped, and ends well where it cannot go on."""

import json
import os

import keras
import made_up
import numpy as np
import pytest
from keras import ops

from dendnet.experiments import Diverged, Run, Trouble, records, storage, train
from dendnet.experiments.batches import Batches
from dendnet.experiments.networks import Prepare
from dendnet.experiments.training import Training, splits

IMAGES, TABLE = made_up.images(), made_up.table()


def run(data="digits", unit="dac", seed=0, **changes):
    options = changes.pop("options", {"width": 6, "layers": 1})
    protocol = {"name": "smoke", "examples": 96, "batch": 16} | changes.pop("protocol", {})
    return Run.of(
        {"data": data, "model": "mlp", "unit": unit, "seed": seed, "options": options, "protocol": protocol} | changes
    )


class Killed(Exception):
    """Stands for a kill; the real one is in test_command_line.py."""


def killed_after(steps):
    taken = []

    def progress(*_):
        taken.append(1)
        if len(taken) == steps:
            raise Killed

    return progress


def same(record):
    return {name: value for name, value in record.items() if name not in records.VARYING}


@pytest.mark.parametrize("kills", [(6,), (5, 2, 9)])
def test_a_stopped_run_ends_as_one_left_alone(tmp_path, kills):
    """Six steps an epoch, a checkpoint after each: stopped in an epoch, at its end, again and again."""
    alone = train(run(), IMAGES, tmp_path / "alone")
    for steps in kills:
        with pytest.raises(Killed):
            train(run(), IMAGES, tmp_path / "stopped", minutes=0, progress=killed_after(steps))
    stopped = train(run(), IMAGES, tmp_path / "stopped", minutes=0)
    assert same(stopped) == same(alone)
    assert len(stopped["times"]["starts"]) == len(kills) + 1


def test_it_repeats_and_the_seed_decides(tmp_path):
    short = {"protocol": {"epochs": 1}}
    weights = [train(run(seed=seed, **short), IMAGES, tmp_path / str(k))["weights"] for k, seed in enumerate((0, 0, 1))]
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="Keras takes one step at a time on torch")
def test_several_steps_in_one_execution_are_the_same_steps(tmp_path):
    one = train(run(), IMAGES, tmp_path)
    four = run(protocol={"steps_per_execution": 4})
    with pytest.raises(Killed):
        train(four, IMAGES, tmp_path, minutes=0, progress=killed_after(3))
    again = train(four, IMAGES, tmp_path, minutes=0)
    np.testing.assert_allclose(again["metrics"][-1]["loss"], one["metrics"][-1]["loss"], rtol=1e-4)


def test_a_finished_run_is_not_run_again(tmp_path):
    once = run(protocol={"epochs": 1})
    first = train(once, IMAGES, tmp_path)
    assert train(once, IMAGES, tmp_path, progress=killed_after(1)) == first


def test_it_learns(tmp_path):
    classified = train(run(protocol={"epochs": 10}), IMAGES, tmp_path)
    assert classified["measure"] == "accuracy" and classified["value"] > 0.9
    regressed = train(run("sgemm", protocol={"epochs": 30, "learning_rate": 0.05}), TABLE, tmp_path)
    assert regressed["measure"] == "rmse" and regressed["value"] < 0.75


def test_what_is_recorded_is_what_the_network_does(tmp_path):
    """Loss and accuracy of the weights in the checkpoint, computed here, on test data that fill no whole batch."""
    one = run()
    record = train(one, IMAGES, tmp_path)
    training = Training(one, IMAGES, tmp_path / one.id)
    training.resume()
    x, y = IMAGES.test.x, IMAGES.test.y
    logits = ops.convert_to_numpy(training.model([x, np.tile([1, 1, 0], (len(x), 1)).astype("int32")], training=False))
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert record["metrics"][-1]["test_loss"] == pytest.approx(-log_p[np.arange(len(y)), y].mean(), rel=1e-4)
    assert record["value"] == pytest.approx((logits.argmax(1) == y).mean())
    assert record["weights"] == training.digest()


def test_the_record_says_where_it_comes_from(tmp_path):
    record = train(run(), IMAGES, tmp_path, command="a command")
    assert record == json.loads(json.dumps(record))
    assert record["command"] == "a command" and record["data"]["checksum"] == "made up"
    assert record["versions"]["keras"] == keras.__version__ and record["network"]["parameters"] > 0
    assert [row["epoch"] for row in record["metrics"]] == [1, 2, 3] and len(record["times"]["seconds"]) == 3
    log = (tmp_path / record["id"] / "log.csv").read_text().splitlines()
    assert len(log) == 4 and log[0].startswith("epoch,")


def test_twins_see_the_same_and_start_the_same(tmp_path):
    dac, standard = (Training(run(unit=unit), IMAGES, tmp_path) for unit in ("dac", "standard"))
    for a, b in zip(
        Batches(dac.train, 16, 0, 2, draws=True), Batches(standard.train, 16, 0, 2, draws=True), strict=True
    ):
        np.testing.assert_array_equal(a[0][0], b[0][0])
        np.testing.assert_array_equal(a[0][1], b[0][1])
    np.testing.assert_allclose(*(t.tested()["test_loss"] for t in (dac, standard)), rtol=1e-5)


def test_an_epoch_shows_every_example_once_and_each_epoch_otherwise():
    split = splits(run(), IMAGES)[0]
    split.y = np.arange(96)
    orders = [np.concatenate([y for _, y in Batches(split, 16, seed=0, epoch=epoch)]) for epoch in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(96)) and list(orders[0]) != list(orders[1])
    rest = np.concatenate([y for _, y in Batches(split, 16, seed=0, epoch=0, first=4)])
    np.testing.assert_array_equal(rest, orders[0][64:])


def test_images_move_and_mirror_as_drawn():
    x = IMAGES.train.x[:3]
    prepare = Prepare(IMAGES.train.x)
    draws = np.array([[1, 1, 0], [0, 2, 0], [2, 1, 1]], "int32")  # still; down 1 and left 1; up 1 and mirrored
    got = ops.convert_to_numpy(prepare(x, draws))
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)]).astype("float32")
    want = np.stack([x[0], padded[1, 0:8, 2:10], padded[2, 2:10, 1:9][:, ::-1]])
    np.testing.assert_allclose(got, (want - prepare.mean) * prepare.scale, rtol=1e-5, atol=1e-5)
    whole = ops.convert_to_numpy(prepare(IMAGES.train.x))
    np.testing.assert_allclose(whole.mean((0, 1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(whole.std((0, 1, 2)), 1, atol=1e-3)


def test_biases_have_their_own_rate_and_penalty(tmp_path):
    """One step of plain gradient descent from one start: biases move ten times as far, kernels as far as before."""

    def moved(**changes):
        changes |= {"momentum": 0.0, "epochs": 1, "batch": 96, "schedule": "constant", "augmentation": False}
        training = Training(run(protocol=changes), IMAGES, tmp_path)
        (unit,) = [layer for layer in training.network.layers if hasattr(layer, "dendrites")]
        before = [ops.convert_to_numpy(w) for w in (unit.kernel, unit.bias)]
        training.model.fit(Batches(training.train, 96, 0), verbose=0)
        after = [ops.convert_to_numpy(w) for w in (unit.kernel, unit.bias)]
        return before, [b - a for a, b in zip(before, after, strict=True)]

    start, plain = moved(weight_decay=0.0)
    _, fast = moved(weight_decay=0.0, bias_learning_rate=10.0)
    _, penalised = moved(weight_decay=0.5)
    np.testing.assert_allclose(fast[1], 10 * plain[1], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(fast[0], plain[0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(penalised[0], plain[0] - 0.1 * 0.5 * start[0], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(penalised[1], plain[1], rtol=1e-3, atol=1e-6)


def test_schedules_end_where_they_say():
    from dendnet.experiments.sgd import schedule

    def rate(name, step):
        return float(ops.convert_to_numpy(schedule(run(protocol={"schedule": name}).protocol, 100)(step)))

    np.testing.assert_allclose([rate("one_cycle", s) for s in (0, 25, 100)], [0.01, 0.1, 1e-4], rtol=1e-3)
    np.testing.assert_allclose([rate("steps", s) for s in (0, 50, 51, 76)], [0.1, 0.1, 0.01, 0.001], rtol=1e-3)


def test_validation_data_take_the_test_data_s_place():
    train_part, test_part = splits(run(validation=20, protocol={"examples": 64}), IMAGES)
    assert len(train_part.y) == 64 and len(test_part.y) == 20
    table_train, table_test = splits(run("sgemm"), TABLE)
    assert abs(table_train.y.mean()) < 1e-5 and table_train.y.std() == pytest.approx(1, abs=1e-5)
    assert TABLE.test.y.mean() > 100 > abs(table_test.y.mean())


def test_a_loss_that_is_no_number_ends_it_and_keeps_what_was_saved(tmp_path):
    wild = run("sgemm", protocol={"learning_rate": 1e30, "epochs": 5, "schedule": "constant"})
    with pytest.raises(Diverged, match="try a smaller learning_rate"):
        train(wild, TABLE, tmp_path)
    values, _ = storage.load(tmp_path / wild.id / "checkpoint.npz")
    assert values is None or all(np.isfinite(value).all() for value in values)
    assert not (tmp_path / wild.id / "record.json").exists()


def test_two_runs_in_one_folder_exclude_each_other(tmp_path):
    with storage.folder_of(run(), tmp_path), pytest.raises(Trouble, match="in use by another process"):
        train(run(), IMAGES, tmp_path)
    assert train(run(), IMAGES, tmp_path)["metrics"]


def test_a_full_disk_ends_it_and_loses_nothing(tmp_path, monkeypatch):
    folder = tmp_path / "disk"
    train_until(folder, 8)
    before = (folder / run().id / "checkpoint.npz").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(Trouble, match="No space left on device"):
            train(run(), IMAGES, folder, minutes=0)
    assert (folder / run().id / "checkpoint.npz").read_bytes() == before
    assert not list(folder.rglob("*.part"))
    assert same(train(run(), IMAGES, folder)) == same(train(run(), IMAGES, tmp_path / "other"))


def train_until(folder, steps):
    with pytest.raises(Killed):
        train(run(), IMAGES, folder, minutes=0, progress=killed_after(steps))


def test_a_run_goes_on_where_it_was_begun(tmp_path):
    train_until(tmp_path, 8)
    path = tmp_path / run().id / "checkpoint.npz"
    values, place = storage.load(path)
    storage.save(path, values, place | {"backend": "another"})
    with pytest.raises(Trouble, match="KERAS_BACKEND=another"):
        train(run(), IMAGES, tmp_path)


def test_records_are_added_once_and_torn_lines_are_cut(tmp_path):
    file = tmp_path / "deep" / "r.jsonl"
    records.publish({"id": "a"}, file)
    with open(file, "a") as torn:
        torn.write('{"id": "b", "val')
    for name in ("a", "b", "b"):
        records.publish({"id": name}, file)
    assert [one["id"] for one in records.read(file)] == ["a", "b"]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"model": "cifar_resnet", "options": {}}, "model must be 'mlp' for a table"),
        ({"protocol": {"batch": 200, "examples": None}}, "batch must be at most the 128"),
        ({"protocol": {"examples": 1000}}, "examples must be at most the 128"),
    ],
)
def test_what_does_not_suit_the_data_is_refused(tmp_path, changes, words):
    with pytest.raises(ValueError, match="Received: ") as refused:
        train(run("sgemm", **changes), TABLE, tmp_path)
    assert words in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_leaves_the_policy(tmp_path, precision):
    mixed = run(protocol={"precision": precision, "epochs": 10})
    with pytest.raises(Killed):
        train(mixed, IMAGES, tmp_path, minutes=0, progress=killed_after(9))
    assert train(mixed, IMAGES, tmp_path)["value"] > 0.8
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["dac", "standard"])
def test_a_residual_network_goes_on_too(tmp_path, unit):
    small = run("cifar10", unit, model="cifar_resnet", options={"depth": 8, "width": 2}, protocol={"epochs": 2})
    alone = train(small, IMAGES, tmp_path / "alone")
    with pytest.raises(Killed):
        train(small, IMAGES, tmp_path / "stopped", minutes=0, progress=killed_after(8))
    assert same(train(small, IMAGES, tmp_path / "stopped")) == same(alone)
