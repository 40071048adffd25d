"""Archives and folders made up in the official layouts, small."""

import hashlib
import io
import tarfile
import zipfile

import numpy as np


def tar(members):
    """Bytes of a .tar.gz: each member a name with its content, or a TarInfo."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as packed:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                packed.addfile(member)
            else:
                name, content = member
                info = tarfile.TarInfo(name)
                info.size = len(content)
                if name.endswith("/"):
                    info.type = tarfile.DIRTYPE
                packed.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(members):
    """Bytes of a .zip of (name or ZipInfo, content)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return out.getvalue()


def md5(content):
    return hashlib.md5(content).hexdigest()


def cifar_record(labels, pixels):
    """One record of CIFAR's binary version, of an image (32, 32, 3), written byte by byte."""
    planes = [pixels[row, column, colour] for colour in range(3) for row in range(32) for column in range(32)]
    return bytes([*labels, *planes])


def cifar(name, rng):
    """Files {name: content} of CIFAR's binary version, and their images and labels in order: two to a file."""
    names, labelled = [], []
    if name == "cifar10":
        names, each, classes = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"], 1, 10
        files = {"batches.meta.txt": "\n".join(f"class{i}" for i in range(classes)) + "\n\n"}
    else:
        names, each, classes = ["train.bin", "test.bin"], 2, 100
        files = {"fine_label_names.txt": "\n".join(f"class{i}" for i in range(classes)) + "\n"}
    files = {file: text.encode() for file, text in files.items()}
    for file in names:
        files[file] = b""
        for _ in range(2):
            pixels, label = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8), int(rng.integers(classes))
            files[file] += cifar_record([7] * (each - 1) + [label], pixels)
            labelled.append((pixels, label))
    images, labels = map(np.array, zip(*labelled, strict=True))
    return files, images, labels


def write(folder, files):
    """Write files {path: content} into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def image(pixels, format="PNG"):
    """Bytes of an image file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format)
    return out.getvalue()


def image_folder(rng, classes=("a", "b"), per_class=3, size=(8, 8), suffix=".png"):
    """Files of a folder in ImageNet's layout, and the images by path."""
    images = {
        f"{split}/{each}/{i}{suffix}": rng.integers(0, 256, (*size, 3)).astype(np.uint8)
        for split in ("train", "val")
        for each in classes
        for i in range(per_class if split == "train" else 1)
    }
    format = {".png": "PNG", ".JPEG": "JPEG"}[suffix]
    return {name: image(pixels, format) for name, pixels in images.items()}, images
