"""One training: that it repeats, goes on where it was stopped, and ends well where it cannot go on."""

import json
import os
import signal
import threading
from types import SimpleNamespace

import keras
import made_up
import numpy as np
import pytest
from keras import ops

from dendnet.experiments import Diverged, Run, Trouble, checkpoints, records, storage, train
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


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The record of ``run()``, left alone."""
    return train(run(), IMAGES, tmp_path_factory.mktemp("alone"))


def same(record):
    return {name: value for name, value in record.items() if name not in records.VARYING}


@pytest.mark.parametrize("kills", [(6,), (5, 2, 9)])
def test_a_stopped_run_ends_as_one_left_alone(tmp_path, alone, kills):
    """Six steps an epoch, a checkpoint after each: stopped in an epoch, at its end, again and again."""
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
    _, by_layer = moved(weight_decay=0.0, bias_learning_rate=5.0, bias_fan_in_power=2.0)
    _, penalised = moved(weight_decay=0.5)
    np.testing.assert_allclose(fast[1], 10 * plain[1], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(fast[0], plain[0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(by_layer[1], 5 * (6 / 2) ** 2 * plain[1], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(by_layer[0], plain[0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(penalised[0], plain[0] - 0.1 * 0.5 * start[0], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(penalised[1], plain[1], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("data", [IMAGES, TABLE], ids=["images", "table"])
def test_knots_start_over_the_data(tmp_path, data):
    """The median of an input's knots is the median of what the layer sees, and kernels start as without."""
    of = (
        {"data": "digits"}
        if data is IMAGES
        else {"data": "sgemm", "model": "mlp", "options": {"width": 8, "layers": 3}}
    )
    starts = {}
    for start in ("initializer", "data"):
        training = Training(run(protocol={"bias_start": start, "batch": 8}, **of), data, tmp_path)
        (unit, *_) = [layer for layer in training.network._flatten_layers() if hasattr(layer, "dendrites")]
        starts[start] = [ops.convert_to_numpy(each) for each in (unit.kernel, unit.bias)]
    np.testing.assert_array_equal(starts["data"][0], starts["initializer"][0])
    assert not starts["initializer"][1].any()
    knots = -starts["data"][1].reshape(-1, starts["data"][1].shape[-2], starts["data"][1].shape[-1])
    assert (np.ptp(knots, axis=(0, 2)) > 0).all()


def test_beta_has_its_own_rate_on_both_sides(tmp_path):
    for unit in ("dac", "standard"):

        def moved(unit=unit, **changes):
            protocol = {
                "epochs": 1,
                "schedule": "constant",
                "momentum": 0.0,
                "batch": 96,
                "weight_decay": 0.0,
                "augmentation": False,
            } | changes
            training = Training(run(unit=unit, protocol=protocol), IMAGES, tmp_path)
            before = [ops.convert_to_numpy(v) for v in training.model.trainable_variables]
            training.model.fit(Batches(training.train, 96, 0), verbose=0)
            after = [ops.convert_to_numpy(v) for v in training.model.trainable_variables]
            return {v.path: b - a for v, a, b in zip(training.model.trainable_variables, before, after, strict=True)}

        plain, fast = moved(), moved(beta_learning_rate=10.0)
        assert any(path.endswith("beta") for path in plain)
        for (path, slow), quick in zip(plain.items(), fast.values(), strict=True):
            np.testing.assert_allclose(quick, (10 if path.endswith("beta") else 1) * slow, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "optimizer, kernels, biases", [("sgd", None, None), ("adam", 0.01, 0.03), ("muon", None, 0.03)]
)
def test_every_optimizer_learns_with_a_rate_for_biases(tmp_path, optimizer, kernels, biases):
    """Adam's first step is the rate whatever the gradient, for biases by their factor; Muon's is Adam's for biases."""
    if optimizer == "muon" and not hasattr(keras.optimizers, "Muon"):
        pytest.skip("this Keras has no Muon")
    protocol = {"epochs": 6, "optimizer": optimizer, "learning_rate": 0.01, "bias_learning_rate": 3.0}
    protocol |= {"schedule": "constant", "weight_decay": 0.0, "augmentation": False}
    training = Training(run(protocol=protocol), IMAGES, tmp_path)
    (unit,) = [layer for layer in training.network.layers if hasattr(layer, "dendrites")]
    first = [ops.convert_to_numpy(w) for w in (unit.kernel, unit.bias)]
    training.model.fit(Batches(training.train, 96, 0), verbose=0)
    steps = [np.abs(ops.convert_to_numpy(w) - b).max() for w, b in zip((unit.kernel, unit.bias), first, strict=True)]
    for step, expected in zip(steps, (kernels, biases), strict=True):
        assert expected is None or step == pytest.approx(expected, rel=1e-2)
    before = training.tested()["test_loss"]
    for epoch in range(5):
        training.model.fit(Batches(training.train, 16, 0, epoch), verbose=0)
    assert training.tested()["test_loss"] < 0.9 * before


def test_an_optimizer_that_this_keras_lacks_is_refused(monkeypatch, tmp_path):
    monkeypatch.delattr(keras.optimizers, "Muon", raising=False)
    with pytest.raises(ValueError, match=r"has no Muon\. Received: optimizer='muon'"):
        Training(run(protocol={"optimizer": "muon"}), IMAGES, tmp_path)


def test_schedules_end_where_they_say():
    from dendnet.experiments.descent import schedule

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


WILD = run("sgemm", protocol={"learning_rate": 1e30, "epochs": 5, "schedule": "constant"})


@pytest.mark.parametrize("minutes", [0, 5])
def test_a_loss_that_is_no_number_is_how_a_run_ends(tmp_path, minutes):
    """Recorded as such whenever it is noticed, and once more by the same call; what was saved stays."""
    with pytest.raises(Diverged, match="try a smaller learning_rate") as first:
        train(WILD, TABLE, tmp_path, minutes=minutes)
    values, _ = checkpoints.load(tmp_path / WILD.id)
    assert values is None or all(np.isfinite(value).all() for value in values)
    record = first.value.record
    assert (record["value"], record["weights"], record["diverged"]) == (None, None, len(record["metrics"]) + 1)
    assert json.loads((tmp_path / WILD.id / "record.json").read_text()) == record
    assert "NaN" not in json.dumps(record) and "Infinity" not in json.dumps(record)
    with pytest.raises(Diverged) as again:
        train(WILD, TABLE, tmp_path, progress=killed_after(1))
    assert again.value.record == record


def test_a_test_loss_that_is_no_number_is_no_value(tmp_path, monkeypatch):
    monkeypatch.setattr(Training, "tested", lambda self: {"test_loss": 1.0, "test_accuracy": float("nan")})
    with pytest.raises(Diverged) as ended:
        train(run(), IMAGES, tmp_path)
    assert ended.value.record["diverged"] == 1


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
    values, place = checkpoints.load(path.parent)
    for name, other in (("backend", "another"), ("keras", "2.0"), ("numpy", "1.0"), ("learning_rate", 0.7)):
        found = place | {"identity": place["identity"] | {name: other}}
        checkpoints.save(path.parent, values, found)
        with pytest.raises(
            Trouble, match=rf"begun otherwise \({name}: {other} and .*; go on as it was begun"
        ) as refused:
            train(run(), IMAGES, tmp_path)
        assert ("KERAS_BACKEND=another" in str(refused.value)) == (name == "backend")


def test_a_checkpoint_goes_on_after_a_setting_came(tmp_path, alone):
    """What a checkpoint does not know of was at its default; a run with another value of it is another run."""
    train_until(tmp_path, 8)
    folder = tmp_path / run().id
    values, place = checkpoints.load(folder)
    del place["identity"]["bias_start"]
    checkpoints.save(folder, values, place)
    assert same(train(run(), IMAGES, tmp_path)) == same(alone)
    other = run(protocol={"bias_start": "data"})
    (tmp_path / other.id).mkdir()
    checkpoints.save(tmp_path / other.id, values, place)
    with pytest.raises(Trouble, match=r"begun otherwise \(bias_start: None and data"):
        train(other, IMAGES, tmp_path)


def test_a_checkpoint_of_dendnet_0_1_goes_on(tmp_path, alone, capsys):
    """It names backend and Keras, and neither its data nor a checkpoint before it."""
    train_until(tmp_path, 8)
    folder = tmp_path / run().id
    values, place = checkpoints.load(folder)
    del place["identity"]
    checkpoints.save(folder, values, place | {"keras": keras.__version__})
    (folder / checkpoints.BEFORE).unlink()
    assert same(train(run(), IMAGES, tmp_path)) == same(alone)
    assert "does not say on which data it was begun" in capsys.readouterr().err
    folder = tmp_path / "older" / run().id
    folder.mkdir(parents=True)
    checkpoints.save(folder, values, place | {"keras": "3.0"})
    with pytest.raises(Trouble, match=r"keras: 3\.0 and"):
        train(run(), IMAGES, tmp_path / "older")


def changed(**changes):
    return type(IMAGES)(**(vars(IMAGES) | {"checksum": "another"} | changes))


def test_changed_data_do_not_go_on_and_are_not_finished(tmp_path):
    """Labels swapped in the middle of a killed run, and after its end."""
    swapped = changed(train=SimpleNamespace(x=IMAGES.train.x, y=IMAGES.train.y[::-1]))
    train_until(tmp_path, 8)
    refused = r"begun otherwise \(checksum: made up and another\); .* remove this one to begin anew"
    with pytest.raises(Trouble, match=refused):
        train(run(), swapped, tmp_path)
    record = train(run(), IMAGES, tmp_path)
    with pytest.raises(Trouble, match=refused):
        train(run(), swapped, tmp_path)
    other = train(run(), swapped, tmp_path / "other")
    for _ in range(2):
        for one in (record, other):
            records.publish(one, tmp_path / "r.jsonl")
    assert [one["data"]["checksum"] for one in records.read(tmp_path / "r.jsonl")] == ["made up", "another"]


def test_weights_of_another_network_are_refused(tmp_path):
    train_until(tmp_path, 8)
    folder = tmp_path / run().id
    values, place = checkpoints.load(folder)
    for others in (values[:-1], [values[0][:, :1], *values[1:]]):
        checkpoints.save(folder, others, place)
        with pytest.raises(Trouble, match="the weights of another network"):
            train(run(), IMAGES, tmp_path)


def test_floatx_is_float32(tmp_path):
    """Any other changed the weights, and no record said so."""
    keras.config.set_floatx("float64")
    try:
        with pytest.raises(ValueError, match=r"floatx\(\) must be 'float32'.*Received: floatx='float64'"):
            train(run(), IMAGES, tmp_path)
    finally:
        keras.config.set_floatx("float32")


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "end": lambda content: content[:-30],
    "zeroed": lambda content: content[:300] + bytes(400) + content[700:],
    "altered": lambda content: content.replace(b"'descr': '<f4'", b"'descr': '<f2'", 1),
    "text": lambda content: b"null",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_left_for_the_one_before(tmp_path, alone, capsys, damage):
    train_until(tmp_path, 9)
    folder = tmp_path / run().id
    last, before = folder / checkpoints.LAST, folder / checkpoints.BEFORE
    last.write_bytes(DAMAGES[damage](last.read_bytes()))
    whole = before.read_bytes()
    train_until(tmp_path, 1)
    assert f"dendnet: {last} is damaged (" in (said := capsys.readouterr().err)
    assert said.count("\n") == 1 and "): going on from the checkpoint before it" in said
    assert before.read_bytes() == whole, "the whole one was replaced"
    assert same(train(run(), IMAGES, tmp_path)) == same(alone)


def test_where_both_checkpoints_are_damaged_it_begins_anew(tmp_path, alone, capsys):
    train_until(tmp_path, 9)
    for path in (tmp_path / run().id).glob("*.npz"):
        path.write_bytes(b"")
    assert same(train(run(), IMAGES, tmp_path)) == same(alone)
    assert capsys.readouterr().err.count("is damaged (File is not a zip file)") == 2


def test_a_crash_between_the_two_names_leaves_the_one_before(tmp_path, alone, capsys):
    train_until(tmp_path, 9)
    folder = tmp_path / run().id
    os.replace(folder / checkpoints.LAST, folder / checkpoints.BEFORE)
    assert same(train(run(), IMAGES, tmp_path)) == same(alone)
    assert "checkpoint.npz is missing: going on from the checkpoint before it" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["null", "{}", "[]", "", '{"id": "to', '{"run": 3, "data": {}, "versions": {}}'])
def test_a_damaged_record_is_made_anew(tmp_path, capsys, content):
    record = train(run(protocol={"epochs": 1}), IMAGES, tmp_path)
    path = tmp_path / record["id"] / "record.json"
    path.write_text(content)
    again = train(run(protocol={"epochs": 1}), IMAGES, tmp_path, progress=killed_after(1))
    assert same(again) == same(record) == same(json.loads(path.read_text()))
    assert f"dendnet: {path} is damaged: going on from the checkpoint" in capsys.readouterr().err


def test_a_checkpoint_that_cannot_be_read_is_no_damaged_one(tmp_path, monkeypatch):
    train_until(tmp_path, 8)

    def shut(self):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as disk:
        disk.setattr("pathlib.Path.read_bytes", shut)
        with pytest.raises(Trouble, match=r"record\.json could not be read \(Permission denied\); permit it, or"):
            train(run(), IMAGES, tmp_path)
    assert (tmp_path / run().id / checkpoints.LAST).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("steps, saved", [
    (3, "epoch 1 is saved up to step 3"), (8, "epoch 2 is saved up to step 2"),
    (6, "saved up to the end of epoch 1"), (18, "the run had just come to its end"),
])  # fmt: skip
def test_a_signal_ends_it_after_the_step_with_a_checkpoint(tmp_path, alone, capsys, number, steps, saved):
    """Six steps an epoch, and no checkpoint is due."""
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    taken = []

    def progress(*_):
        taken.append(1)
        if len(taken) == steps:
            signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt, match=f"{number.name}: {saved}"):
        train(run(), IMAGES, tmp_path, progress=progress)
    assert f"{number.name}: saving a checkpoint after this step" in capsys.readouterr().err
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert same(train(run(), IMAGES, tmp_path, progress=progress)) == same(alone)
    assert len(taken) == 18, "no step was taken twice"


def test_a_second_signal_ends_it_at_once(tmp_path):
    def progress(*_):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(run(), IMAGES, tmp_path, progress=progress)
    assert not list(tmp_path.rglob("*.npz"))


def test_signals_before_the_first_step_say_that_nothing_is_saved(tmp_path, monkeypatch):
    resume = Training.resume

    def slowly(self):
        signal.raise_signal(signal.SIGINT)
        return resume(self)

    monkeypatch.setattr(Training, "resume", slowly)
    with pytest.raises(KeyboardInterrupt, match="nothing was trained yet"):
        train(run(), IMAGES, tmp_path)


def test_a_signal_that_is_ignored_stays_ignored(tmp_path):
    """As SIGINT is in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        train(run(protocol={"epochs": 1}), IMAGES, tmp_path, progress=lambda *_: signal.raise_signal(signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_does_not_hide_what_else_ended_it(tmp_path):
    def progress(epoch, step, steps, logs):
        if not np.isfinite(logs["loss"]):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt, match="SIGTERM: the run had just come to its end"):
        train(WILD, TABLE, tmp_path, progress=progress)
    with pytest.raises(Diverged):
        train(WILD, TABLE, tmp_path)


def test_other_threads_train_without_signals(tmp_path):
    found = []
    thread = threading.Thread(target=lambda: found.append(train(run(protocol={"epochs": 1}), IMAGES, tmp_path)))
    thread.start()
    thread.join()
    assert found[0]["metrics"]


def recorded(seed):
    """A record, without what no test here asks for."""
    made = run(seed=seed)
    return {"id": made.id, "run": made.to_dict(), "data": {"checksum": "c"}, "versions": {"keras": "3", "jax": "1"}}


def test_records_are_added_once_and_torn_lines_are_cut(tmp_path):
    file = tmp_path / "deep" / "r.jsonl"
    records.publish(recorded(0), file)
    with open(file, "a") as torn:
        torn.write('{"id": "b", "val')
    for seed in (0, 1, 1):
        records.publish(recorded(seed), file)
    assert records.read(file) == [recorded(0), recorded(1)]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n", " "])
def test_a_file_without_a_newline_at_its_end_loses_nothing(tmp_path, end):
    file = tmp_path / "r.jsonl"
    file.write_bytes(("\n".join(json.dumps(recorded(seed)) for seed in range(3)) + end).encode())
    records.publish(recorded(3), file)
    assert records.read(file) == [recorded(seed) for seed in range(4)]
    assert file.read_bytes().endswith(b"\n")


def test_a_run_on_other_versions_is_the_same_run_and_on_another_backend_is_not(tmp_path):
    file = tmp_path / "r.jsonl"
    for versions in ({"keras": "3", "jax": "1"}, {"keras": "4", "jax": "1"}, {"keras": "4", "torch": "1"}):
        records.publish(recorded(0) | {"versions": versions}, file)
    assert [one["versions"] for one in records.read(file)] == [{"keras": "3", "jax": "1"}, {"keras": "4", "torch": "1"}]


def test_a_results_file_with_what_is_no_record_is_not_added_to(tmp_path):
    file = tmp_path / "r.jsonl"
    file.write_text("null\n")
    with pytest.raises(ValueError, match=r"Line 1 of .* must be a record in JSON. Received: 'null'"):
        records.publish(recorded(0), file)
    assert file.read_text() == "null\n"


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
