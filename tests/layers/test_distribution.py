"""Training on four simulated devices, each time in a process of its own: the losses are those of one device."""

import os
import subprocess
import sys

import keras
import pytest

BACKEND = keras.backend.backend()

MODEL = """
import keras, numpy as np
from dendnet.layers import DACConv2D, DACDense

draws = np.random.default_rng(0)
x, y = draws.normal(size=(32, 6, 6, 4)).astype("float32"), draws.normal(size=(32, 8)).astype("float32")

def losses():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((6, 6, 4)),
        DACConv2D(8, 3, strides=2, data_format="channels_last", name="conv"),
        keras.layers.Flatten(),
        DACDense(16, implementation=implementation, name="hidden"),
        DACDense(8, use_output_bias=True, name="last"),
    ])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return model, model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0).history["loss"]
"""

JAX = """
import jax
assert len(jax.devices()) == 4
_, alone = losses()
devices = keras.distribution.list_devices()
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
_, data_parallel = losses()
np.testing.assert_allclose(data_parallel, alone, rtol=1e-5)
if jax.__version_info__ < (0, 5):  # with Keras 3.5 and JAX 0.4.34 Keras's own Dense loses otherwise in ModelParallel
    print("the same")
    raise SystemExit
mesh = keras.distribution.DeviceMesh((2, 2), ("batch", "model"), devices)
layout = keras.distribution.LayoutMap(mesh)
layout[".*conv/kernel"] = (None, None, None, "model")
layout[".*(conv|hidden|last)/bias"] = (None, "model")
layout[".*hidden/kernel"] = (None, "model")
layout[".*last/kernel"] = (None, "model")
keras.distribution.set_distribution(keras.distribution.ModelParallel(layout_map=layout, batch_dim_name="batch"))
model, model_parallel = losses()
for layer in ("hidden", "last"):
    for weight in model.get_layer(layer).weights[:2]:
        assert "model" in str(weight.value.sharding.spec), (weight.path, weight.value.sharding)
np.testing.assert_allclose(model_parallel, alone, rtol=1e-5)
print("the same")
"""

TENSORFLOW = """
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
_, alone = losses()
strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(4)])
assert strategy.num_replicas_in_sync == 4
with strategy.scope():
    _, mirrored = losses()
np.testing.assert_allclose(mirrored, alone, rtol=1e-5)
print("the same")
"""


@pytest.mark.slow_on_tensorflow
@pytest.mark.parametrize("implementation", ["reference", pytest.param("blocked", marks=pytest.mark.slow)])
def test_four_devices_lose_as_one(implementation, tmp_path):
    if BACKEND == "torch":
        pytest.skip("keras.distribution on torch drives one process per device, and its processes need a launcher")
    program = f"implementation = {implementation!r}\n{MODEL}{JAX if BACKEND == 'jax' else TENSORFLOW}"
    four = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    run = subprocess.run([sys.executable, "-c", program], env=os.environ | four, capture_output=True, text=True)
    assert run.stdout.strip() == "the same", run.stderr[-3000:]
