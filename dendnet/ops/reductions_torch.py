"""The three sums over terms relu(x_i(p) + b_ij) that the blocked operation on torch is made of.

They are written as the definition. Compiled by torch.compile, once for all sizes, they sum in registers and form no
temporaries. Where it does not work (no C++ compiler, a Python too new) or would not pay, loops over the inputs i do the
same eagerly, slower. x and dy come as (groups, channels, places), w and b as (i, j), but for outputs, as (j, i).
"""

from functools import cache

import torch
from torch.fx.experimental import _config as sizes

MANY_TERMS = 2**16  # of one reduction: fewer are not worth the seconds that compiling takes

_failed: set = set()  # the reductions that torch.compile could not compile


def reduce(reduction, b, x, *others):
    """A reduction of the terms relu(x_i(p) + b_ij), compiled where they are many and torch.compile works."""
    # Detached: torch.compile holds the sizes of parameters, and of views of them, for fixed.
    arrays = [a.detach().contiguous() for a in (b, x, *others)]
    # An axis of length one would be compiled anew, and so would two axes that happen to be equal.
    if reduction not in _failed and min(b.shape) > 1 and len(x) * b.numel() * x.shape[2] >= MANY_TERMS:
        try:
            with torch.no_grad(), sizes.patch(use_duck_shape=False):
                return _compiled(reduction)(*arrays)
        except Exception:  # of many kinds: no compiler, an unsupported Python, a limit of torch.compile's
            _failed.add(reduction)
    return _LOOPS[reduction](*arrays)


@cache
def _compiled(reduction):
    return torch.compile(reduction, dynamic=True, fullgraph=True)


def outputs(b, x, w):
    """y_j(p) = sum_i w_ji relu(x_i(p) + b_ji)."""
    return (w[..., None] * torch.relu(x[:, None] + b[..., None])).sum(2)


def input_gradient(b, x, w, dy):
    """dx_i(p) = sum_j [x_i(p) + b_ij > 0] w_ij dy_j(p)."""
    return torch.where(x[:, :, None] > -b[..., None], w[..., None] * dy[:, None], 0.0).sum(2)


def weight_sums(b, x, dy):
    """sum_p dy_j(p) relu(x_i(p) + b_ij) and sum_p dy_j(p) [x_i(p) + b_ij > 0], group by group."""
    a = x[:, :, None] + b[..., None]
    return (torch.relu(a) * dy[:, None]).sum(-1), torch.where(a > 0, dy[:, None], 0.0).sum(-1)


def _outputs_loop(b, x, w):
    y = x.new_zeros((len(x), len(b), x.shape[2]))
    for i in range(x.shape[1]):
        y.addcmul_((x[:, i, None] + b[:, i, None]).relu_(), w[:, i, None])
    return y


def _input_gradient_loop(b, x, w, dy):
    rows = zip(b, x.unbind(1), w, strict=True)
    return torch.stack([w_i @ torch.where(x_i[:, None] > -b_i[:, None], dy, 0.0) for b_i, x_i, w_i in rows], dim=1)


def _weight_sums_loop(b, x, dy):
    dkernel, mask_sum = (x.new_empty((len(x), *b.shape)) for _ in range(2))
    for i, b_i in enumerate(b):
        active = (x[:, i, None] + b_i[:, None]).relu_()
        mask_sum[:, i] = torch.where(active > 0, dy, 0.0).sum(-1)
        dkernel[:, i] = active.mul_(dy).sum(-1)
    return dkernel, mask_sum


_LOOPS: dict = {outputs: _outputs_loop, input_gradient: _input_gradient_loop, weight_sums: _weight_sums_loop}
