"""Tables of numbers: run times of a GPU's matrix product (SGEMM), and scikit-learn's digits."""

import hashlib

import numpy as np

from dendnet.data.catalogue import ARCHIVES
from dendnet.data.dataset import Dataset, Split, checksum, stratified
from dendnet.data.errors import DataError

SGEMM_FILE = "sgemm_product.csv"
FEATURES, RUNS = 14, 4
TEST_FRACTION, SEED = 0.2, 0


def read_sgemm(folder, source):
    """The UCI table: 14 settings of a kernel to the logarithm of its mean run time.

    The last of the steps is a standardisation, x -> (x - mean) / deviation, of each feature and of the target
    log(mean of the four runs in ms), by the training part's mean and standard deviation. So a mean squared error of e
    leaves the fraction e of the target's variance unexplained. A fifth of the rows, drawn with seed 0, is the test
    part; both parts keep the table's order.
    """
    path = folder / SGEMM_FILE
    found, official = hashlib.md5(path.read_bytes()).hexdigest(), ARCHIVES["sgemm"].files[SGEMM_FILE]
    if found != official:
        raise DataError(
            f"{path} has the MD5 {found} and not the official {official}: it is cut off or altered. "
            f"Unpack {ARCHIVES['sgemm'].url} anew."
        )
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    x, y = table[:, :FEATURES], np.log(table[:, FEATURES:].mean(axis=1, keepdims=True))
    held = np.zeros(len(x), bool)
    held[stratified(np.zeros(len(x), int), round(TEST_FRACTION * len(x)), SEED)] = True
    x, y = ((a - a[~held].mean(0)) / a[~held].std(0) for a in (x, y))
    train, test = (Split(x[rows].astype(np.float32), y[rows].astype(np.float32)) for rows in (~held, held))
    provenance = "The table has the official MD5."
    return Dataset("sgemm", train, test, "regression", None, checksum(train, test), False, provenance, source)


def read_digits():
    """scikit-learn's digits: 1,797 images of 8 x 8 with values 0 to 16; a quarter of each class is the test part."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("The digits need scikit-learn: pip install scikit-learn") from error
    pixels, digits = load_digits(return_X_y=True)
    x, y = pixels.astype(np.uint8).reshape(-1, 8, 8, 1), digits.astype(np.int64)
    held = np.zeros(len(x), bool)
    held[stratified(y, len(x) // 4 + 1, SEED)] = True
    train, test = (Split(x[rows], y[rows]) for rows in (~held, held))
    return Dataset(
        "digits",
        train,
        test,
        "classification",
        tuple(map(str, range(10))),
        checksum(train, test),
        False,
        "scikit-learn's own copy.",
        "scikit-learn",
    )
