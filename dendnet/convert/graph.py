"""A functional model made anew, call by call, and where each of its tensors came from."""

from typing import Any, NamedTuple

import keras


class Origin(NamedTuple):
    """The layer that made a tensor and the first of its inputs."""

    layer: Any
    x: Any
    made: Any  # the tensor itself, kept so that its id stays its own


def functional(model):
    """The model as a functional one; ValueError where its graph is not known."""
    if isinstance(model, keras.Sequential):
        if not model.built or not model.inputs:
            raise ValueError(f"The model must know its input: give it a keras.Input. Received: model={model}")
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not is_graph(model):
        raise ValueError(
            "model must be Functional or Sequential: what a subclassed model does is written in its call method, where "
            f"no converter can see it. Received: model={model}"
        )
    return model


def is_graph(layer):
    """Whether this is a Functional or Sequential model."""
    return isinstance(layer, keras.Sequential) or (isinstance(layer, keras.Model) and hasattr(layer, "operations"))


def rebuild(model, call):
    """The model with every layer copied, weights too; call(layer, copy, origins, *args, **kwargs) gives its outputs.

    origins are those of all tensors so far, by their ids; call may add some. Compiled as the model is.
    """
    origins: dict[int, Origin] = {}
    copies = {}

    def copy(layer):
        new = type(layer).from_config(layer.get_config())
        copies[id(new)] = layer, new
        return new

    def call_and_record(new, *args, **kwargs):
        outputs = call(copies[id(new)][0], new, origins, *args, **kwargs)
        for tensor in keras.tree.flatten(outputs):
            origins.setdefault(id(tensor), Origin(copies[id(new)][0], args[0] if args else None, tensor))
        return outputs

    new_model = keras.models.clone_model(functional(model), clone_function=copy, call_function=call_and_record)
    for layer, new in copies.values():
        if isinstance(new, keras.layers.Layer) and new.built and len(new.weights) == len(layer.weights):
            new.set_weights(layer.get_weights())
            if hasattr(new, "finalize_state"):  # Normalization computes with what it adapted to
                new.finalize_state()
    if model.compiled and not new_model.compiled:
        new_model.compile_from_config(model.get_compile_config())
    return new_model
