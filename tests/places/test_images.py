# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import io
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import (
    decode_image,
    featureless,
    grey,
    raw_image,
    read_image,
    shrink,
)
from neuro_control.places.control.preprocessing import normalise_patches


def prepare(image, side=28, patch=7):
    return normalise_patches(shrink(image, side), patch)


def png(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "png", **options)
    return buffer.getvalue()


def normalised(image, patch):
    """Patch normalisation the slow way, as the authors write it: NaN beyond the border."""
    reach = patch // 2
    padded = np.pad(image.astype(float), reach, constant_values=np.nan)
    found = np.full(image.shape, 127.5)
    for y, x in np.ndindex(image.shape):
        window = padded[y : y + patch, x : x + patch]
        spread = np.nanstd(window)
        if spread > 0:
            score = (image[y, x] - np.nanmean(window)) / spread
            found[y, x] = 127.5 + 127.5 * np.clip(score, -1, 1)
    return found


def test_grey_worked_by_hand():
    # 0.299 · 255 = 76.2, 0.587 · 255 = 149.7, 0.114 · 255 = 29.1
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    np.testing.assert_array_equal(grey(colours), [[76, 150, 29, 255]])
    np.testing.assert_array_equal(
        grey(np.dstack([colours, [[0, 9, 99, 255]]]).astype(np.uint8)), grey(colours)
    )
    np.testing.assert_array_equal(grey(colours.astype(np.uint16) * 257), grey(colours))
    np.testing.assert_array_equal(grey(colours / 255), grey(colours))
    np.testing.assert_array_equal(grey(np.array([[[7], [9]]], np.uint8)), [[7, 9]])
    np.testing.assert_array_equal(
        grey(np.array([[0, 128, 129, 65535]], np.uint16)), [[0, 0, 1, 255]]
    )


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 2), np.uint8), r"this is \(2, 2, 2\)"),
        (np.zeros(4, np.uint8), r"this is \(4,\)"),
        (np.zeros((0, 3), np.uint8), "no pixels"),
        (np.zeros((2, 2), np.int32), "not int32"),
        (np.full((2, 2), 1.5), "between 0 and 1"),
        (np.array([[np.nan, 0.5]]), "between 0 and 1"),
    ],
)
def test_what_is_no_image_is_refused(array, message):
    with pytest.raises(ConfigurationError, match=message):
        grey(array)


def test_every_kind_of_file_gives_the_same_grey(tmp_path):
    levels = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
    image = Image.fromarray(levels)
    transparent = Image.merge("RGBA", [image] * 3 + [Image.fromarray(levels[::-1].copy())])
    palette = image.convert("RGB").quantize(64)
    palette.info["transparency"] = bytes(range(24))
    kinds = {
        "grey": image,
        "rgb": image.convert("RGB"),
        "alpha": transparent,
        "grey and alpha": image.convert("LA"),
        "palette": palette,
        "16 bits": Image.fromarray(levels.astype(np.uint16) * 257),
    }
    for name, kind in kinds.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(png(kind))
        np.testing.assert_array_equal(read_image(path), levels, err_msg=name)
    Image.fromarray((levels / 255).astype(np.float32)).save(tmp_path / "floating.tiff")
    np.testing.assert_array_equal(read_image(tmp_path / "floating.tiff"), levels)
    Image.fromarray(levels > 100).save(tmp_path / "one bit.png")
    np.testing.assert_array_equal(read_image(tmp_path / "one bit.png"), (levels > 100) * 255)


def test_pixels_of_more_than_sixteen_bits_are_refused(tmp_path):
    Image.fromarray(np.array([[0, 70000]], np.int32)).save(tmp_path / "deep.tiff")
    with pytest.raises(ConfigurationError, match=r"deep\.tiff.*more than 16 bits"):
        read_image(tmp_path / "deep.tiff")


def damaged():
    whole = png(Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 64), np.uint8)))
    bomb = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    return {
        "empty": b"",
        "cut off": whole[:-600],
        "cut off in its head": whole[:20],
        "text": b"no image at all",
        "wrong sum": whole[:60] + bytes(40) + whole[100:],
        "too large": whole[:8]
        + struct.pack(">I", 13) + b"IHDR" + bomb + struct.pack(">I", zlib.crc32(b"IHDR" + bomb)),
    }  # fmt: skip


@pytest.mark.parametrize("kind", damaged())
def test_a_damaged_file_is_named(kind, tmp_path):
    path = tmp_path / "image 7.png"
    path.write_bytes(damaged()[kind])
    with pytest.raises(ConfigurationError, match=r"image 7\.png") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    assert "0x" not in str(caught.value)


def png_of(size):
    """A PNG of one grey level, (height, width), as small as it can be."""
    packer, row = zlib.compressobj(9), bytes(1 + size[1])
    rows = b"".join(packer.compress(row) for _ in range(size[0])) + packer.flush()
    head = struct.pack(">IIBBBBB", *size[::-1], 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


# The largest that Pillow takes for harmless, and one that it warns of.
@pytest.mark.parametrize("size", [(9000, 9000), (12000, 12000), (4097, 4096)])
def test_an_image_of_too_many_pixels_is_refused_before_it_takes_their_memory(size):
    data = png_of(size)
    assert len(data) < 2**18
    tracemalloc.start()
    with pytest.raises(ConfigurationError, match=r"more than the 16777216 allowed|bomb"):
        decode_image(data, "message")
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_an_image_of_as_many_pixels_as_are_allowed_is_read():
    assert decode_image(png_of((64, 2**18)), "message").shape == (64, 2**18)


def test_a_raw_image_of_too_many_pixels_is_refused():
    with pytest.raises(ConfigurationError, match="4097 × 4096 pixels, more than the 16777216"):
        raw_image(np.zeros(4097 * 4096, np.uint8), (4097, 4096), "mono8", 4096, False)


@pytest.mark.parametrize("kind", ["bmp", "tiff", "webp", "ppm", "gif"])
def test_a_message_is_png_or_jpeg_whatever_its_format_says(kind, tmp_path):
    picture = Image.fromarray(np.arange(200, dtype=np.uint8).reshape(10, 20))
    picture.save(tmp_path / f"picture.{kind}")
    data = (tmp_path / f"picture.{kind}").read_bytes()
    with pytest.raises(ConfigurationError, match=r"format that is read \(PNG, JPEG\)"):
        decode_image(data, "message")
    if kind != "gif":
        assert read_image(tmp_path / f"picture.{kind}").shape == (10, 20)
    # Encapsulated PostScript would have another program started to draw it.
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "code.eps")
    with pytest.raises(ConfigurationError, match="no image of a format that is read"):
        read_image(tmp_path / "code.eps")


@pytest.mark.timeout(20)
def test_a_pipe_named_as_an_image_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "0.png")
    with pytest.raises(ConfigurationError, match=r"0\.png: it is no regular file"):
        read_image(tmp_path / "0.png")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere\.png: No such file"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(ConfigurationError, match="can't read the image"):
        read_image(tmp_path)


@given(st.binary(max_size=200))
def test_bytes_are_an_image_or_an_error_of_ours(data):
    try:
        found = decode_image(data, "message")
    except ConfigurationError as error:
        assert "message" in str(error)
    else:
        assert found.dtype == np.uint8


def test_messages_worked_by_hand():
    def raw(data, size, encoding, step, big=False):
        return raw_image(bytes(data), size, encoding, step, big).tolist()

    assert raw([1, 2, 99, 3, 4, 99], (2, 2), "mono8", 3) == [[1, 2], [3, 4]]
    assert raw([0, 0, 255, 9], (1, 1), "bgra8", 4) == [[76]]
    assert raw([255, 0, 0, 0, 0, 255], (1, 2), "rgb8", 6) == [[76, 29]]
    assert raw([0, 0, 255], (1, 1), "8UC3", 3) == [[76]]
    assert raw([128, 128], (1, 1), "mono16", 2) == [[128]]
    assert raw([255, 0], (1, 1), "mono16", 2) == [[1]]
    assert raw([255, 0], (1, 1), "mono16", 2, big=True) == [[254]]


@pytest.mark.parametrize(
    ("size", "encoding", "step", "message"),
    [
        ((2, 3), "yuv422", 3, "no encoding 'yuv422'"),
        ((2, 3), "rgb8", 3, "rows of 9 bytes or more"),
        ((3, 3), "mono8", 3, "6 bytes in rows of 3"),
        ((0, 3), "mono8", 3, "0 × 3"),
        ((2, 0), "mono8", 3, "2 × 0"),
    ],
)
def test_a_message_that_contradicts_itself_is_refused(size, encoding, step, message):
    with pytest.raises(ConfigurationError, match=message):
        raw_image(bytes(6), size, encoding, step, big=False)


def test_preparation_worked_by_hand():
    # The middle pixels' patch is the whole image: four pixels of 40 and twelve of 0, mean 10.
    image = np.zeros((4, 4), np.uint8)
    image[0, 0] = image[0, 3] = image[3, 0] = image[3, 3] = 40
    deviation = np.sqrt(10**2 * 12 / 16 + 30**2 * 4 / 16)
    found = prepare(image, 4, 7)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[1:3, 1:3], 127.5 * (1 - 10 / deviation), rtol=1e-6)
    np.testing.assert_array_equal(found[[0, 0, 3, 3], [0, 3, 0, 3]], 255)


def test_at_a_border_only_the_pixels_inside_count():
    # Patches of 3 in one row of 3: (0, 6) mean 3, deviation 3; (0, 6, 6) mean 4, deviation √8.
    found = prepare(np.array([[0, 6, 6]] * 3, np.uint8), 3, 3)
    row = [0.0, 127.5 * (1 + 2 / np.sqrt(8)), 127.5]
    np.testing.assert_allclose(found, [row] * 3, rtol=1e-6)


@settings(max_examples=30)
@given(
    arrays.arrays(
        np.uint8, st.tuples(st.just(9), st.just(9)), elements=st.sampled_from([0, 7, 255])
    ),
    st.sampled_from([1, 3, 7, 19]),
)
def test_preparation_agrees_with_the_slow_way(image, patch):
    np.testing.assert_allclose(prepare(image, 9, patch), normalised(image, patch), atol=1e-4)


def test_light_and_contrast_make_no_difference():
    image = np.random.default_rng(1).integers(0, 60, (28, 28), np.uint8)
    np.testing.assert_allclose(prepare(image * 2 + 50), prepare(image), atol=1e-4)


def test_making_smaller_means_over_all_pixels():
    stripes = np.tile(np.array([0, 200], np.uint8), (56, 280))
    # Ten pairs of stripes a pixel: 100 everywhere.
    np.testing.assert_array_equal(prepare(stripes), 127.5)


def test_an_image_of_one_colour_is_grey_and_without_features():
    image = np.full((32, 64), 77, np.uint8)
    assert featureless(image)
    np.testing.assert_array_equal(prepare(image), 127.5)
    image[3, 4] = 78
    assert not featureless(image)


@pytest.mark.parametrize(
    ("side", "patch", "says"), [(0, 7, "side is 1"), (28, 0, "is odd"), (28, 6, "is odd")]
)
def test_sizes_that_mean_nothing_are_refused(side, patch, says):
    with pytest.raises(ConfigurationError, match=says):
        prepare(np.zeros((8, 8), np.uint8), side, patch)
