"""The three sums over terms relu(x_i(p) + b_ij) of the blocked operation on torch, by loops over the inputs i.

x and dy come as (groups, channels, places), w and b as (i, j), but for outputs, as (j, i).
"""

import torch


def outputs(b, x, w):
    """y_j(p) = sum_i w_ji relu(x_i(p) + b_ji)."""
    y = x.new_zeros((len(x), len(b), x.shape[2]))
    for i in range(x.shape[1]):
        y.addcmul_((x[:, i, None] + b[:, i, None]).relu_(), w[:, i, None])
    return y


def input_gradient(b, x, w, dy):
    """dx_i(p) = sum_j [x_i(p) + b_ij > 0] w_ij dy_j(p)."""
    rows = zip(b, x.unbind(1), w, strict=True)
    return torch.stack([w_i @ torch.where(x_i[:, None] > -b_i[:, None], dy, 0.0) for b_i, x_i, w_i in rows], dim=1)


def weight_sums(b, x, dy):
    """sum_p dy_j(p) relu(x_i(p) + b_ij) and sum_p dy_j(p) [x_i(p) + b_ij > 0], group by group."""
    dkernel, mask_sum = (x.new_empty((len(x), *b.shape)) for _ in range(2))
    for i, b_i in enumerate(b):
        active = (x[:, i, None] + b_i[:, None]).relu_()
        mask_sum[:, i] = torch.where(active > 0, dy, 0.0).sum(-1)
        dkernel[:, i] = active.mul_(dy).sum(-1)
    return dkernel, mask_sum
