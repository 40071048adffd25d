"""The SGEMM table against numbers worked out by hand, and scikit-learn's digits."""

import math

import numpy as np
import packed
import pytest

from dendnet.data import DataError, load
from dendnet.data.catalogue import ARCHIVES

HEADER = "MWG,NWG,KWG,MDIMC,NDIMC,MDIMA,NDIMB,KWI,VWM,VWN,STRM,STRN,SA,SB,Run1 (ms),Run2 (ms),Run3 (ms),Run4 (ms)\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """(folder, rows): a table of ten rows; run times e^0.5 and e^1.5 in turn on average."""
    rows = [
        [16 * (1 + (row * (1 + column % 6)) % 7) for column in range(14)]
        + [math.exp(0.5 + row % 2) * factor for factor in (0.5, 1.5, 0.9, 1.1)]
        for row in range(10)
    ]
    text = HEADER + "".join(",".join(map(repr, row)) + "\n" for row in rows)
    monkeypatch.setitem(ARCHIVES["sgemm"].files, "sgemm_product.csv", packed.md5(text.encode()))
    return packed.write(tmp_path / "sgemm", {"sgemm_product.csv": text.encode()}), np.array(rows)


def test_the_target_is_the_standardised_logarithm_of_the_mean(folder):
    path, _ = folder
    data = load("sgemm", path)
    held = np.isin(np.arange(10), [2, 8])
    logs = np.array([0.5 + row % 2 for row in range(10)])
    mean, deviation = logs[~held].mean(), math.sqrt(((logs[~held] - logs[~held].mean()) ** 2).mean())
    np.testing.assert_allclose(data.train.y[:, 0], (logs[~held] - mean) / deviation, atol=1e-6)
    np.testing.assert_allclose(data.test.y[:, 0], (logs[held] - mean) / deviation, atol=1e-6)


def test_features_are_standardised_by_the_training_part(folder):
    path, rows = folder
    data = load("sgemm", path)
    held = np.isin(np.arange(10), [2, 8])
    np.testing.assert_allclose(data.train.x.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.x.std(0), 1, atol=1e-6)
    x = rows[:, :14]
    expected = (x[held] - x[~held].mean(0)) / x[~held].std(0)
    np.testing.assert_allclose(data.test.x, expected, atol=1e-5)


def test_what_the_table_says_of_itself(folder):
    path, _ = folder
    data = load("sgemm", path.parent)
    assert (data.train.x.shape, data.test.y.shape) == ((8, 14), (2, 1))
    assert data.train.x.dtype == data.train.y.dtype == np.float32
    assert (data.task, data.classes, data.reencoded, data.source) == ("regression", None, False, str(path))
    assert load("sgemm", path).validation(2).test.y.shape == (2, 1)


def test_an_altered_table_is_refused(folder):
    path, _ = folder
    file = path / "sgemm_product.csv"
    file.write_text(file.read_text()[:-2])
    with pytest.raises(DataError, match=r"sgemm_product\.csv has the MD5 .* not the official .* Unpack https"):
        load("sgemm", path)


def test_digits():
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
    data = load("digits")
    assert (data.train.x.shape, data.test.x.shape) == ((1347, 8, 8, 1), (450, 8, 8, 1))
    assert data.train.x.dtype == np.uint8 and data.train.x.max() == 16 and data.train.y.dtype == np.int64
    assert data.classes == tuple("0123456789")
    both = np.bincount(np.r_[data.train.y, data.test.y])
    np.testing.assert_allclose(np.bincount(data.test.y), both / 4, atol=1)
    assert data.checksum == "997c324b1f1ea9ab42d966ddec5e40f104b115e08dc288b04f0aa7da1ded5ac2"
