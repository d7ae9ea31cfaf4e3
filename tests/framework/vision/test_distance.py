import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_cdt

from framework.vision import masks
from framework.vision.distance import FAR, stretches, taxicab

dense = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def painted(pixels, width, height):
    """The reference: bring the mask to the image by nearest neighbours, then let scipy measure every pixel."""
    rows = (2 * np.arange(height) + 1) * pixels.shape[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * pixels.shape[1] // (2 * width)
    image = pixels[rows[:, None], columns]
    return np.asarray(distance_transform_cdt(~image, metric="taxicab") if image.any() else np.full(image.shape, FAR))


def everywhere(width, height):
    y, x = np.mgrid[:height, :width]
    return x.ravel(), y.ravel()


@given(st.lists(dense, min_size=1, max_size=4), st.integers(1, 12), st.integers(1, 12), st.data())
def test_distances_are_scipys_on_every_pixel_of_an_image_of_any_size(many, width, height, data):
    x, y = everywhere(width, height)
    of = np.array(data.draw(st.lists(st.integers(0, len(many) - 1), min_size=x.size, max_size=x.size)))
    maps = np.stack([painted(pixels, width, height) for pixels in many])
    found = taxicab(x, y, of, [masks.encode(pixels) for pixels in many], (width, height))
    assert np.array_equal(found, maps[of, y, x])


@given(dense, st.integers(0, 5))
def test_within_reach_a_distance_is_exact_and_beyond_it_stays_beyond(pixels, reach):
    x, y = everywhere(12, 9)
    found = taxicab(x, y, np.zeros(x.size, int), [masks.encode(pixels)], (12, 9), reach)
    true = painted(pixels, 12, 9)[y, x]
    assert np.array_equal(found[true <= reach], true[true <= reach])
    assert (found[true > reach] > reach).all()


def test_masks_of_several_sizes_are_measured_at_840_by_840():
    lots = np.random.default_rng(0)
    some = []
    for width, height in ((840, 840), (640, 360), (1280, 720), (97, 1013)):
        across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
        blobs = [(across - a) ** 2 + 2 * (down - b) ** 2 < 0.05 for a, b in lots.uniform(-0.8, 0.8, (3, 2))]
        some.append(np.logical_or.reduce(blobs) & (lots.random(across.shape) < 0.9))
    maps = np.stack([painted(pixels, 840, 840) for pixels in some])
    of, x, y = lots.integers(4, size=500), lots.integers(840, size=500), lots.integers(840, size=500)
    coded = [masks.encode(pixels) for pixels in some]
    true = maps[of, y, x]
    assert np.array_equal(taxicab(x, y, of, coded, (840, 840)), true)
    near = taxicab(x, y, of, coded, (840, 840), reach=40)
    assert np.array_equal(near[true <= 40], true[true <= 40])
    assert (near[true > 40] > 40).all()


@given(dense)
def test_each_mask_may_be_measured_at_its_own_size(pixels):
    height, width = pixels.shape
    x, y = everywhere(width, height)
    found = taxicab(x, y, np.zeros(x.size, int), [masks.encode(pixels)])
    assert np.array_equal(found, painted(pixels, width, height)[y, x])


@given(dense)
def test_stretches_cover_each_pixel_of_the_target_once(pixels):
    height, width = pixels.shape
    count = np.zeros(pixels.shape, int)
    tops, bottoms = stretches(masks.encode(pixels), width, height)
    for layer, column in np.argwhere(tops <= bottoms):
        count[tops[layer, column] : bottoms[layer, column] + 1, column] += 1
    assert np.array_equal(count, pixels)


def test_no_points_and_no_masks_are_no_trouble():
    none = np.zeros(0, int)
    assert taxicab(none, none, none, [], (4, 4)).size == 0
