"""Every call of a layer within a model, in order, without touching the model."""

import keras


def check_graph(model):
    """ValueError where this is no model whose layers and their calls are known."""
    if not isinstance(model, keras.Function) and not (isinstance(model, keras.Sequential) and model.built):
        raise ValueError(f"model must be functional, or sequential and built. Received: model={model!r}")


def structured(model, tensors):
    """A list with one tensor for each input as the model takes it: the tensor itself, or whatever its graph has."""
    return tensors[0] if isinstance(model, keras.Sequential) else keras.tree.pack_sequence_as(model.input, tensors)


class Walk:
    """Follows a functional or sequential model, other models within it included.

    ``calls`` has each call of a layer or operation: itself, the symbolic tensors that it takes, and the one it gives.
    A model within the model renames the tensors that go in and out; :meth:`origin` gives back the first name.
    """

    def __init__(self):
        self.calls = []
        self._same = {}

    def follow(self, model, inputs):
        """The symbolic outputs of the model for symbolic inputs; what it calls on the way is noted."""
        if isinstance(model, keras.Sequential):
            for layer in model.layers:
                inputs = self.note(layer, inputs)
            return inputs
        fresh = keras.tree.map_structure(lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype), inputs)
        self._rename(inputs, fresh)
        return keras.models.clone_model(model, fresh, clone_function=lambda inner: _Noted(inner, self)).output

    def note(self, operation, *args, **kwargs):
        """The operation's symbolic outputs, without a trace in any graph; its call, or those within it, are noted."""
        if isinstance(operation, (keras.Function, keras.Sequential)):
            out = self.follow(operation, args[0])
            renamed = keras.tree.map_structure(lambda x: keras.KerasTensor(x.shape, x.dtype), out)
            self._rename(out, renamed)
            return renamed
        out = operation.compute_output_spec(*args, **kwargs)
        tensors = [x for x in keras.tree.flatten((args, kwargs)) if isinstance(x, keras.KerasTensor)]
        self.calls.append((operation, tensors, keras.tree.flatten(out)[0]))
        return out

    def origin(self, tensor):
        """The tensor that carries the same numbers and was there first."""
        while id(tensor) in self._same:
            tensor, _ = self._same[id(tensor)]
        return tensor

    def _rename(self, old, new):
        for a, b in zip(keras.tree.flatten(old), keras.tree.flatten(new), strict=True):
            self._same[id(b)] = a, b  # b is kept so that its id stays its own


class _Noted(keras.Operation):
    """Stands for an operation in a copy of its graph, and notes what it is called with."""

    def __init__(self, operation, walk):
        super().__init__()
        self.operation, self.walk = operation, walk

    def call(self, *args, **kwargs):
        return self.operation(*args, **kwargs)

    def compute_output_spec(self, *args, **kwargs):
        return self.walk.note(self.operation, *args, **kwargs)
