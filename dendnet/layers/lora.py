"""Low-rank adaptation of the kernel, as in Keras's Dense and convolutions."""

import math
import numbers

import keras
import numpy as np
from keras import ops

from dendnet.layers.int8 import to_int8
from dendnet.ops.arguments import positive


class LoRA(keras.layers.Layer):
    r"""What a layer with ``_kernel`` needs for ``enable_lora``: a frozen w and a trained difference of low rank.

    .. math:: w + \frac{\alpha}{r} A B

    A has the kernel's shape with r in the place of the outputs, B is (r, outputs). The biases stay as trainable as
    they were; ``layer.bias.trainable = False`` freezes them too.

    Reference:
        Hu et al., arXiv 2106.09685.
    """

    lora_enabled = False
    lora_rank: int | None

    def enable_lora(self, rank, lora_alpha=None, a_initializer="he_uniform", b_initializer="zeros"):
        """Freeze the kernel of a built layer and train A and B instead; compile the model anew afterwards.

        A file that is saved holds the merged kernel, so it loads with LoRA, where B begins at 0 again, and without.

        Args:
            rank: Rank r of the difference.
            lora_alpha: Its factor times r; None means r.
            a_initializer: Initializer of A.
            b_initializer: Initializer of B.

        Raises:
            ValueError: The layer is not built, adapted already, or has a constraint on its kernel.
        """
        rank = positive("rank", rank)
        alpha = self._alpha(rank, lora_alpha)
        if not self.built:
            raise ValueError(f"The layer must be built before enable_lora. Received: layer={self.name!r}")
        if self.lora_enabled:
            raise ValueError(f"LoRA can be enabled once; merge_lora() ends it. Received: lora_rank={self.lora_rank}")
        if self.kernel_constraint is not None:
            raise ValueError(
                "A kernel with a constraint cannot be adapted by LoRA. "
                f"Received: kernel_constraint={self.kernel_constraint}"
            )
        shape = tuple(self._kernel.shape)
        factors = [("a", (*shape[:-1], rank), a_initializer), ("b", (rank, shape[-1]), b_initializer)]
        self._tracker.unlock()
        try:
            for letter, size, initializer in factors:
                factor = self.add_weight(
                    name=f"lora_kernel_{letter}",
                    shape=size,
                    initializer=keras.initializers.get(initializer),
                    dtype="float32",
                    autocast=False,
                    regularizer=self.kernel_regularizer,
                )
                setattr(self, f"lora_kernel_{letter}", factor)
        finally:
            self._tracker.lock()
        self._kernel.trainable = False
        self.lora_enabled, self.lora_rank, self.lora_alpha = True, rank, alpha

    def merge_lora(self):
        """Make the difference part of the kernel, which is trainable again, and end LoRA; compile the model anew.

        An int8 kernel is quantized anew, and stays frozen.
        """
        if not self.lora_enabled:
            raise ValueError(f"The layer must be adapted by enable_lora. Received: layer={self.name!r}")
        for variable, value in self._merged():
            variable.assign(value)
        self._tracker.unlock()
        try:
            del self.lora_kernel_a, self.lora_kernel_b
        finally:
            self._tracker.lock()
        self._kernel.trainable = self.quantization_mode is None and self.trainable
        self.lora_enabled, self.lora_rank, self.lora_alpha = False, None, None

    @staticmethod
    def _alpha(rank, lora_alpha):
        if lora_alpha is None:
            return rank
        if (
            isinstance(lora_alpha, bool)
            or not isinstance(lora_alpha, numbers.Real)
            or not 0 < float(lora_alpha) < math.inf
        ):
            raise ValueError(f"lora_alpha must be a finite number above 0. Received: lora_alpha={lora_alpha!r}")
        return lora_alpha

    def _difference(self):
        return self.lora_alpha / self.lora_rank * ops.matmul(self.lora_kernel_a, self.lora_kernel_b)

    def _merged(self):
        """Pairs of a variable of the kernel and its value with the difference in it."""
        base = ops.convert_to_numpy(self._kernel if self.quantization_mode is None else self._from_int8("kernel"))
        value = base + ops.convert_to_numpy(self._difference()).astype(base.dtype)
        if self.quantization_mode is None:
            return [(self._kernel, value)]
        return list(zip((self._kernel, self.kernel_scale), to_int8(value), strict=True))

    def _without_lora(self):
        """The weights in the order of a layer that was never adapted."""
        return [w for w in self.weights if w is not self.lora_kernel_a and w is not self.lora_kernel_b]

    def save_own_variables(self, store):
        if not self.lora_enabled:
            return super().save_own_variables(store)
        merged = {id(variable): value for variable, value in self._merged()}
        for k, variable in enumerate(self._without_lora()):
            store[str(k)] = merged.get(id(variable), variable)

    def load_own_variables(self, store):
        if not self.lora_enabled:
            return super().load_own_variables(store)
        variables = self._without_lora()
        if len(store.keys()) != len(variables):
            raise ValueError(
                f"Layer {self.name!r} has {len(variables)} variables beside LoRA's. "
                f"Received: a file with {len(store.keys())}"
            )
        for k, variable in enumerate(variables):
            variable.assign(store[str(k)])
        self.lora_kernel_b.assign(np.zeros(self.lora_kernel_b.shape))
