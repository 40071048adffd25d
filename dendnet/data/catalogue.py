"""The official archives: where they lie and how to know them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Archive:
    """An official archive.

    Args:
        url: Its address.
        folder: The folder in it that holds the data; for an archive without one, what ours is called.
        checksum: MD5 or SHA-256 in hexadecimal digits; None where none is published.
        files: MD5 of files in it, by path, checked once it is unpacked.
        flat: Whether the archive has no folder of its own.
        max_bytes: Most bytes, packed or unpacked.
        max_files: Most files and folders.
    """

    url: str
    folder: str
    checksum: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    flat: bool = False
    max_bytes: int = 2**29
    max_files: int = 50_000

    @property
    def file(self):
        """Name of the archive's file."""
        return self.url.rpartition("/")[2]


_FASTAI = "https://s3.amazonaws.com/fast-ai-imageclas/"
_KRIZHEVSKY = "https://www.cs.toronto.edu/~kriz/"
# The image folders' archives by the images' shorter side in pixels.
IMAGE_FOLDERS = {
    "imagenette": {
        160: Archive(
            _FASTAI + "imagenette2-160.tgz",
            "imagenette2-160",
            "88daccb09b6fce93f45e6c09ddeb269cce705549e6bff322092a2a5a11489863",
        ),
        320: Archive(
            _FASTAI + "imagenette2-320.tgz",
            "imagenette2-320",
            "569b4497c98db6dd29f335d1f109cf315fe127053cedf69010d047f0188e158c",
        ),
    },
    "imagewoof": {
        160: Archive(
            _FASTAI + "imagewoof2-160.tgz",
            "imagewoof2-160",
            "663c22f69c2802d85e2a67103c017e047096702ffddf9149a14011b7002539bf",
        ),
        320: Archive(
            _FASTAI + "imagewoof2-320.tgz",
            "imagewoof2-320",
            "4e4905ed7643120daaf9bf3b2ef7f3a7e8396d9bdaf254a38c6f01f618b4973d",
        ),
    },
}
ARCHIVES = {
    "cifar10": Archive(
        _KRIZHEVSKY + "cifar-10-binary.tar.gz",
        "cifar-10-batches-bin",
        "c32a1d4ab5d03f1284b67883e8d87530",
        max_files=20,
    ),
    "cifar100": Archive(
        _KRIZHEVSKY + "cifar-100-binary.tar.gz",
        "cifar-100-binary",
        "03b5dce01913d631647c71ecec9e9cb8",
        max_files=20,
    ),
    # No checksum of this archive is published; the table in it is known by its own.
    "sgemm": Archive(
        "https://archive.ics.uci.edu/static/public/440/sgemm+gpu+kernel+performance.zip",
        "sgemm",
        files={"sgemm_product.csv": "7f81f8e6b587ac17bef127fba8098e72"},
        flat=True,
        max_bytes=2**26,
        max_files=20,
    ),
}
# The classes' names, in the order of their folders.
CLASSES = {
    "imagenette": {
        "n01440764": "tench",
        "n02102040": "English springer",
        "n02979186": "cassette player",
        "n03000684": "chain saw",
        "n03028079": "church",
        "n03394916": "French horn",
        "n03417042": "garbage truck",
        "n03425413": "gas pump",
        "n03445777": "golf ball",
        "n03888257": "parachute",
    },
    "imagewoof": {
        "n02086240": "Shih-Tzu",
        "n02087394": "Rhodesian ridgeback",
        "n02088364": "beagle",
        "n02089973": "English foxhound",
        "n02093754": "Border terrier",
        "n02096294": "Australian terrier",
        "n02099601": "golden retriever",
        "n02105641": "Old English sheepdog",
        "n02111889": "Samoyed",
        "n02115641": "dingo",
    },
}
NAMES = ("cifar10", "cifar100", "imagenette", "imagewoof", "sgemm", "digits")
