# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from neuro_control.errors import ConfigurationError
from neuro_control.places.control.images import shrink
from neuro_control.places.training.dataset import open_traverse, pair, pair_by_pose
from neuro_control.simulation.effects import parse
from neuro_control.simulation.signals import ImageEffects
from tests.places.routes import folder, picture

NAMES = ("images-2.png", "images-10.png", "images-300.png")


def test_a_folder_is_read_in_the_natural_order_of_its_names(tmp_path):
    path = folder(tmp_path / "summer", NAMES)
    (path / "notes.txt").write_text("no image")
    (path / ".hidden.png").write_bytes(b"no image")
    traverse = open_traverse(path)
    assert traverse.names == NAMES
    assert len(traverse) == 3
    for seed, image in enumerate(traverse.images):
        np.testing.assert_array_equal(image, picture(seed))
    assert (traverse.stamps, traverse.poses, traverse.rows) == (None, None, None)


def test_only_what_is_to_be_kept_is_kept(tmp_path):
    traverse = open_traverse(folder(tmp_path / "summer", NAMES), keep=shrink, stride=2)
    assert traverse.names == (NAMES[0], NAMES[2])
    np.testing.assert_array_equal(traverse.images[1], shrink(picture(2)))


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(tmp_path, capsys):
    path = folder(tmp_path / "summer", NAMES)
    whole = (path / NAMES[1]).read_bytes()
    (path / "cut off.png").write_bytes(whole[:-60])
    (path / "empty.jpg").write_bytes(b"")
    Image.fromarray(np.full((8, 12), 9, np.uint8)).save(path / "one [bold]colour.png")
    Image.fromarray(picture(7).astype(np.uint16) * 257).save(path / "sixteen.png")
    traverse = open_traverse(path)
    assert traverse.names == (*NAMES, "sixteen.png")
    np.testing.assert_array_equal(traverse.images[3], picture(7))
    assert [skipped.name for skipped in traverse.skipped] == [
        "cut off.png",
        "empty.jpg",
        "one [bold]colour.png",
    ]
    told = capsys.readouterr().err
    for reason in ("cut off.png", "empty.jpg is empty", "one [bold]colour.png", "of one colour"):
        assert reason in told


def test_many_that_cannot_be_read_are_counted(tmp_path, capsys):
    path = folder(tmp_path / "summer", NAMES)
    for number in range(8):
        (path / f"empty {number}.png").write_bytes(b"")
    open_traverse(path)
    assert "left out: 3 more" in capsys.readouterr().err


def test_a_folder_without_an_image_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"holds no image that can be used$"):
        open_traverse(tmp_path)
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"can be used: .*empty\.png is empty"):
        open_traverse(tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nowhere", {}, "no folder, list or bag"),
        ("summer", {"topic": "camera"}, "topics are for bags"),
        ("summer/images-2.png", {}, r"no list \(.txt, .csv, .timestamps\)"),
        ("summer", {"stride": 0}, "stride must be 1"),
        ("summer", {"period": -1.0}, "period 0 s or more"),
        ("summer", {"period": float("nan")}, "period 0 s or more"),
        ("summer", {"period": 1.0}, "doesn't say when"),
    ],
)
def test_what_is_no_traverse_is_refused(name, options, message, tmp_path):
    folder(tmp_path / "summer", NAMES)
    with pytest.raises(ConfigurationError, match=message):
        open_traverse(tmp_path / name, **options)


def test_poses_stand_beside_the_images(tmp_path):
    path = folder(tmp_path / "summer", NAMES)
    rows = [f"{name},{x},2,0,0,0,0,2" for x, name in enumerate(NAMES)]
    (path / "poses.csv").write_text(
        "\n".join(["name,x,y,z,qx,qy,qz,qw", *rows, "other.png" + ",1" * 7])
    )
    traverse = open_traverse(path)
    np.testing.assert_array_equal(traverse.poses[2], [2, 2, 0, 0, 0, 0, 1])
    assert traverse.frame_id == "map"


def test_a_yaw_is_turned_into_a_quaternion(tmp_path):
    path = folder(tmp_path / "summer", NAMES[:1])
    (path / "poses.csv").write_text(f"name,x,y,yaw\n{NAMES[0]},1,2,{np.pi / 3}\n")
    # Half of 60° has a sine of 1/2.
    expected = [1, 2, 0, 0, 0, 0.5, np.sqrt(3) / 2]
    np.testing.assert_allclose(open_traverse(path).poses, [expected], atol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,x,y\na,1,2", "the columns are name,x,y, not"),
        ("", "the columns are , not"),
        ("name,x,y,yaw\nimages-2.png,1,2", "has not 4 fields"),
        ("name,x,y,yaw\nimages-2.png,1,2,north", "could not convert"),
        ("name,x,y,yaw\nimages-2.png,1,nan,0", "not finite"),
        ("name,x,y,z,qx,qy,qz,qw\nimages-2.png,1,2,3,0,0,0,0", "quaternion of a pose is zero"),
        ("name,x,y,yaw\nimages-2.png,1,2,0", r"no pose of images-10\.png"),
    ],
)
def test_poses_that_mean_nothing_are_refused(text, message, tmp_path):
    path = folder(tmp_path / "summer", NAMES)
    (path / "poses.csv").write_text(text)
    with pytest.raises(ConfigurationError, match=rf"poses\.csv.*{message}"):
        open_traverse(path)


def test_a_list_picks_and_orders_as_in_vprsnn(tmp_path):
    path = folder(tmp_path / "fall", NAMES)
    listing = tmp_path / "nordland_imageNames_fall.txt"
    listing.write_text("./nordland/fall/images-300.png\n./nordland/fall/images-2.png\n")
    traverse = open_traverse(listing, images=path)
    assert traverse.names == ("images-300.png", "images-2.png")
    np.testing.assert_array_equal(traverse.images[0], picture(2))
    assert traverse.rows == (0, 1)


def test_the_paths_of_a_list_may_lead_from_the_list_to_the_images(tmp_path):
    folder(tmp_path / "nordland" / "fall", NAMES)
    listing = tmp_path / "names.txt"
    listing.write_text("./nordland/fall/images-300.png\n")
    assert open_traverse(listing).names == ("images-300.png",)


def test_a_list_beside_a_folder_of_its_name_is_read_as_in_vprtempo(tmp_path):
    folder(tmp_path / "orc-dusk", ("1416586027583964.png", "1416586062704189.png"))
    listing = tmp_path / "orc-dusk.csv"
    listing.write_text("Image name,index\n1416586027583964.png,7\n1416586062704189.png,8\n")
    traverse = open_traverse(listing)
    assert traverse.rows == (7, 8)
    np.testing.assert_allclose(traverse.stamps, [1416586027.583964, 1416586062.704189], rtol=0)


def test_a_list_of_two_names_finds_the_image_by_either(tmp_path):
    text = "Image from this repo,Image from ORC\n000000.png,1416586027583964.png\n"
    for name in ("000000.png", "1416586027583964.png"):
        root = tmp_path / name
        folder(root / "Dusk", (name,))
        (root / "Dusk.csv").write_text(text)
        traverse = open_traverse(root / "Dusk.csv")
        assert traverse.names == ("000000.png",)
        np.testing.assert_array_equal(traverse.images[0], picture(0))


def test_oxford_robotcars_own_list_gives_stamps(tmp_path):
    folder(tmp_path / "stereo" / "left", ("1416586027583964.png", "1416586027833930.png"))
    listing = tmp_path / "stereo.timestamps"
    listing.write_text("1416586027583964 1\n1416586027833930 1\n")
    traverse = open_traverse(listing)
    assert traverse.rows is None
    np.testing.assert_allclose(np.diff(traverse.stamps), 0.249966, atol=1e-6)
    assert len(open_traverse(listing, period=0.2)) == 2
    assert len(open_traverse(listing, period=0.3)) == 1


def test_images_that_a_list_names_and_nobody_has_are_left_out(tmp_path, capsys):
    path = folder(tmp_path / "fall", NAMES)
    (tmp_path / "fall.txt").write_text("images-2.png\nimages-4.png\nimages-10.png\n")
    traverse = open_traverse(tmp_path / "fall.txt")
    assert traverse.names == ("images-2.png", "images-10.png")
    assert traverse.rows == (0, 2)
    assert "images-4.png: No such file" in capsys.readouterr().err
    assert path.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "names no image"),
        (b"name,index\n", "names no image"),
        (b"images-2.png\n17\n", "has '17' where the name of an image was expected"),
        (b"elsewhere.png\n", "no image of .*fall.txt is in .* give the folder"),
        (b"\xff\xfe", "can't read the list"),
    ],
)
def test_what_is_no_list_is_refused(content, message, tmp_path):
    folder(tmp_path / "fall", NAMES)
    (tmp_path / "fall.txt").write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        open_traverse(tmp_path / "fall.txt")


def traverses(tmp_path, reference, query):
    return (
        open_traverse(folder(tmp_path / "reference", reference)),
        open_traverse(folder(tmp_path / "query", query)),
    )


def test_equal_names_are_equal_places(tmp_path):
    pair_of = traverses(tmp_path, NAMES, NAMES)
    assert pair(*pair_of).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            NAMES[:2],
            r"3 images, .* 2, and 2 places are the same \(images-300.png is only in .*reference",
        ),
        (
            (*NAMES, "b.png"),
            r"3 images, .* 4, and 3 places are the same \(b.png is only in .*query",
        ),
        (("images-2.png", "b.png", "c.png"), r"1 places are the same \(images-10.png is only"),
        (("a.png", "b.png", "c.png"), r"0 places are the same"),
    ],
)
def test_traverses_of_different_places_are_refused(query, message, tmp_path):
    with pytest.raises(ConfigurationError, match=message):
        pair(*traverses(tmp_path, NAMES, query))


def test_queries_of_other_places_have_none_where_that_is_asked_for(tmp_path):
    reference, query = traverses(tmp_path, NAMES, ("images-300.png", "b.png", "images-2.png"))
    # The query's order is the natural one.
    assert query.names == ("b.png", "images-2.png", "images-300.png")
    assert pair(reference, query, unmatched=True).tolist() == [-1, 0, 2]


def test_places_that_nothing_has_in_common_never_pair(tmp_path):
    with pytest.raises(ConfigurationError, match="0 places are the same"):
        pair(*traverses(tmp_path, NAMES, ("a.png", "b.png")), unmatched=True)


def test_what_was_left_out_is_no_difference(tmp_path):
    reference, query = (folder(tmp_path / name, NAMES) for name in ("reference", "query"))
    (reference / NAMES[0]).write_bytes(b"")
    (query / NAMES[1]).write_bytes(b"")
    # Queries are the places 0 and 2, of which the reference has seen 2, as its second.
    assert pair(open_traverse(reference), open_traverse(query)).tolist() == [-1, 1]


def test_a_list_of_more_than_was_downloaded_pairs_what_is_there(tmp_path):
    (tmp_path / "fall.txt").write_text("images-1.png\nimages-2.png\nimages-10.png\n")
    folder(tmp_path / "fall", NAMES[:2])
    query = open_traverse(folder(tmp_path / "winter", NAMES[:2]))
    assert pair(open_traverse(tmp_path / "fall.txt"), query).tolist() == [0, 1]


def test_where_lists_share_no_name_equal_rows_are_equal_places(tmp_path):
    for name, stamps in (("sun", (11, 12, 13)), ("dusk", (21, 22, 23))):
        folder(tmp_path / name, [f"{stamp}.png" for stamp in stamps])
    (tmp_path / "sun.txt").write_text("11.png\n12.png\n13.png\n")
    (tmp_path / "dusk.csv").write_text("Image name,index\n23.png,2\n21.png,0\n22.png,1\n")
    sun, dusk = open_traverse(tmp_path / "sun.txt"), open_traverse(tmp_path / "dusk.csv")
    assert pair(sun, dusk).tolist() == [2, 0, 1]
    (tmp_path / "dusk" / "21.png").write_bytes(b"")
    assert pair(sun, open_traverse(tmp_path / "dusk.csv")).tolist() == [2, 1]
    (tmp_path / "dusk.csv").write_text("Image name,index\n23.png,2\n21.png,0\n")
    with pytest.raises(ConfigurationError, match="row 1 is only in"):
        pair(sun, open_traverse(tmp_path / "dusk.csv"))


def test_a_place_that_comes_twice_in_the_reference_is_refused(tmp_path):
    folder(tmp_path / "fall", NAMES)
    (tmp_path / "fall.txt").write_text("images-2.png\nimages-2.png\nimages-10.png\n")
    fall = open_traverse(tmp_path / "fall.txt")
    with pytest.raises(ConfigurationError, match=r"images-2\.png twice"):
        pair(fall, fall)


def placed(path, positions):
    folder(path, [f"{path.name}-{number}.png" for number in range(len(positions))])
    rows = [f"{path.name}-{number}.png,{x},0,0" for number, x in enumerate(positions)]
    (path / "poses.csv").write_text("\n".join(["name,x,y,yaw", *rows]))
    return open_traverse(path)


def test_without_names_in_common_the_nearest_pose_is_the_place(tmp_path):
    reference, query = placed(tmp_path / "a", [0, 10, 20]), placed(tmp_path / "b", [9, 26, 2.5])
    assert pair_by_pose(reference, query, within=5.0).tolist() == [1, -1, 0]
    assert pair_by_pose(reference, query, within=6.0).tolist() == [1, 2, 0]
    with pytest.raises(ConfigurationError, match=r"within 0\.1 m"):
        pair_by_pose(reference, query, within=0.1)


def test_poses_that_cannot_be_compared_pair_nothing(tmp_path):
    with_poses = placed(tmp_path / "a", [0, 10])
    without = open_traverse(folder(tmp_path / "b", NAMES))
    with pytest.raises(ConfigurationError, match=r"b has no poses"):
        pair_by_pose(with_poses, without, within=5.0)


def test_effects_act_on_the_images_and_leave_lost_ones_out(tmp_path):
    path = folder(tmp_path / "summer", NAMES)
    effects = ImageEffects(parse("[{stuck: {begins: 0.2}}, {loss: {lasts: 0.05}}]"), seed=0)
    traverse = open_traverse(path, effects=effects)
    assert traverse.names == NAMES[1:]
    assert [skipped.name for skipped in traverse.skipped] == [NAMES[0]]
    for image in traverse.images:
        np.testing.assert_array_equal(image, picture(1))
