"""The command line: real processes, really killed, and what each says when it cannot go on."""

import json
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from dendnet.experiments import Run, read_records
from dendnet.experiments.__main__ import main

BACKEND = keras.backend.backend()
RUN = ["run", "--data", "digits", "--model", "mlp", "--option", "width=8", "--protocol", "smoke"]


def command(*words, cwd, **options):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | options.pop("environment", {})
    call = [sys.executable, "-m", "dendnet.experiments", *words]
    return subprocess.run(call, cwd=cwd, env=environment, capture_output=True, text=True, **options)


def said(run):
    return [line for line in run.stderr.splitlines() if line.startswith("dendnet: ")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "kills, changes",
    [
        (3, ["--set", "batch=8"]),
        (20, ["--set", "batch=16"]),
        (20, ["--unit", "standard", "--set", "batch=16"]),
    ],
    ids=["three", "dac", "standard"],
)
def test_kills_and_signals_change_nothing(tmp_path, kills, changes):
    """``kills.py`` with 100 does it at length."""
    call = [sys.executable, Path(__file__).with_name("kills.py"), str(kills), *RUN, *changes]
    run = subprocess.run(
        call, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout[run.stdout.index("{") :])
    assert found["identical"] == found["runs"] > 0 and not found["tracebacks"]
    assert sum(count for _, _, count in found["ends"]) == kills
    by_name = {"SIGKILL": {-9}, "SIGTERM": {-15, 143, 0}, "SIGINT": {130, 0}}
    for names, status, _ in found["ends"]:
        assert status in by_name[names.split(", ")[-1]] | by_name[names.split(", ")[0]]
    assert kills < 20 or found["starts of one run, at most"] > 2, "the kills came before anything was trained"


@pytest.mark.slow_on_tensorflow
def test_a_sweep_goes_on_and_reports(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'data = "digits"\nnetworks = [{model = "mlp", width = 8}]\nunits = ["dac", "standard"]\nseeds = 2\n'
        'protocol = {name = "smoke", epochs = 1}\n'
    )
    first = command("sweep", "plan.toml", "--part", "2/2", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    file = tmp_path / "results" / "plan.jsonl"
    assert [(Run.of(record["run"]).unit, record["seed"]) for record in read_records(file)] == [
        ("standard", 0),
        ("standard", 1),
    ]
    again = command("sweep", "plan.toml", cwd=tmp_path)
    assert again.stderr.count("finished before") == 2
    found = read_records(file)
    assert [(Run.of(record["run"]).unit, record["seed"]) for record in found[2:]] == [("dac", 0), ("dac", 1)]
    assert all(record["command"].endswith("experiments sweep plan.toml") for record in found)
    report = command("report", str(file), cwd=tmp_path)
    assert "| MLP, width 8 | width |" in report.stdout


@pytest.mark.slow
def test_a_disk_that_fills_up_loses_nothing(tmp_path):
    """Files of this process end at 40 kB, as on a full disk: the checkpoint does not fit."""

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    words = ["--set", "epochs=1", "--option", "width=64"]
    full = command(*RUN, *words, cwd=tmp_path, preexec_fn=small)
    assert full.returncode == 1 and len(said(full)) == 1, full.stderr
    assert "checkpoint.npz could not be written (File too large)" in said(full)[0]
    assert "Traceback" not in full.stderr and not list(tmp_path.rglob("*.part"))
    assert command(*RUN, *words, cwd=tmp_path).returncode == 0


TOGETHER = """
import sys, keras
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import made_up
from dendnet.experiments import Run, devices, train
run = Run.of({"data": "digits", "model": "mlp", "unit": "dac", "seed": 0, "options": {"width": 6, "layers": 1},
              "protocol": {"name": "smoke", "epochs": 2, "batch": 16, "examples": 96}})
one = train(run, made_up.images(), "one")
class Stop(Exception):
    pass
def stop(epoch, step, steps, logs):
    if (epoch, step) == (1, 3):
        raise Stop
scope = devices.prepare(devices=2)
try:
    train(run, made_up.images(), "two", minutes=0, progress=stop, scope=scope)
except Stop:
    two = train(run, made_up.images(), "two", minutes=0, scope=scope)
for a, b in zip(one["metrics"], two["metrics"]):
    assert abs(a["loss"] - b["loss"]) < 1e-3 * a["loss"], (a, b)
    assert abs(a["test_loss"] - b["test_loss"]) < 1e-3 * a["test_loss"], (a, b)
print("the same")
"""


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "torch", reason="Keras has one process for each device there; prepare refuses")
def test_two_simulated_devices_train_as_one_and_go_on(tmp_path):
    tests = str(Path(__file__).parents[1])
    two = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "PYTHONPATH": tests, "TF_CPP_MIN_LOG_LEVEL": "3"}
    call = [sys.executable, "-c", TOGETHER]
    run = subprocess.run(call, env=os.environ | two, cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout.strip() == "the same", run.stderr[-3000:]


MACHINES = """
import sys
import made_up
from dendnet.experiments import Run, devices, train
run = Run.of({"data": "digits", "model": "mlp", "unit": "dac", "seed": 0, "options": {"width": 6, "layers": 1},
              "protocol": {"name": "smoke", "epochs": 2, "batch": 16, "examples": 96}})
folder, last = sys.argv[1], int(sys.argv[2])
class Stop(Exception):
    pass
def stop(epoch, step, steps, logs):
    if epoch * steps + step == last:
        raise Stop
scope = devices.prepare()
try:
    for row in train(run, made_up.images(), folder, minutes=0, progress=stop, scope=scope)["metrics"]:
        print(devices.process()[1], row["loss"], row["test_loss"], flush=True)
except Stop:
    print("stopped", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "jax", reason="Keras joins processes on JAX alone")
def test_two_machines_train_as_one_and_go_on(tmp_path):
    """Two processes that see one folder, stopped in the second epoch and started again."""
    tests = str(Path(__file__).parents[1])

    def together(processes, folder, last=0):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        started = []
        for number in range(processes):
            variables = {"PYTHONPATH": tests}
            if processes > 1:
                found = {"JOB_ADDRESSES": f"localhost:{port}", "NUM_PROCESSES": processes, "PROCESS_ID": number}
                variables |= {f"KERAS_DISTRIBUTION_{name}": str(value) for name, value in found.items()}
            call = [sys.executable, "-c", MACHINES, folder, str(last)]
            pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            started.append(subprocess.Popen(call, env=os.environ | variables, cwd=tmp_path, **pipes))
        ends = [each.communicate(timeout=300) for each in started]
        assert not any(each.returncode for each in started), ends
        return [out.strip().splitlines()[-1 if last else -2 :] for out, _ in ends]

    (alone,) = together(1, "one")
    assert together(2, "two", last=9) == [["stopped"], ["stopped"]]
    assert [place.name for place in (tmp_path / "two").glob("*/*.json")] == []
    first, second = together(2, "two")
    assert first == second and first[0].startswith("2 ")
    for one, two in zip(alone, first, strict=True):
        np.testing.assert_allclose(*[[float(x) for x in line.split()[1:]] for line in (one, two)], rtol=1e-3)


@pytest.mark.parametrize(
    "words, status, says",
    [
        (["run", "--data", "digit"], 2, "perhaps 'digits'"),
        ([*RUN, "--set", "epoch=3"], 2, "perhaps 'epochs'"),
        ([*RUN, "--set", "epochs"], 2, "must be name=value"),
        ([*RUN, "--sed", "3"], 2, "unrecognized arguments: --sed"),
        ([*RUN, "--seed", "x"], 2, "invalid int value"),
        ([*RUN, "--option", "width=many"], 2, "width must be an integer"),
        (["run", "--data", "digits", "--option", "depth=9"], 2, "6 n + 2"),
        (["sweep", "nowhere.toml"], 2, "No such file"),
        (["sweep", "nowhere.toml", "--part", "5/4"], 2, "must be K/N"),
        (["report"], 2, "required: results"),
        (["train"], 2, "invalid choice"),
        ([], 2, "required"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(words, status, says, capsys):
    assert main(words) == status
    found = capsys.readouterr().err
    assert says in found and found.startswith("dendnet: ") and found.count("\n") == 1


def test_several_machines_take_all_their_devices(monkeypatch, capsys):
    monkeypatch.setenv("KERAS_DISTRIBUTION_JOB_ADDRESSES", "localhost:1")
    assert main([*RUN, "--devices", "2"]) == 2
    assert "devices must be 1" in capsys.readouterr().err
    if BACKEND != "jax":
        assert main(RUN) == 2
        assert "on JAX alone" in capsys.readouterr().err


def test_a_missing_gpu_is_said_in_one_line(tmp_path):
    run = command(*RUN, "--device", "gpu", cwd=tmp_path)
    if run.returncode == 0:
        pytest.skip("there is a GPU")
    assert run.returncode == 1 and len(said(run)) == 1 and "GPU" in said(run)[0], run.stderr
