"""Standard Keras models into dendrite-activated ones with the same function, and back."""

from dendnet.convert.from_standard import Conversion, from_standard
from dendnet.convert.to_standard import Expansion, to_standard

__all__ = ["Conversion", "Expansion", "from_standard", "to_standard"]
