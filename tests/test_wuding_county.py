"""The sample county: exact counts, known faults, exact partitions, and the mix that the design names."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from wuding.county import CENTRE, write_county
from wuding.county_attributes import ODD_NAMES, USES
from wuding.county_blocks import CAMPUSES, block_radius, campus, estate, park
from wuding.county_footprints import ANGLE, CROSS, RECTANGLE, YARD, Shapes, footprints
from wuding.county_terrain import ValueNoise
from wuding.errors import StudyError
from wuding.settlements import lots_radius, old_town, village
from wuding.study import load_study

ROWS = 3000


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    return write_county(tmp_path_factory.mktemp("county"), buildings=ROWS)


@pytest.fixture(scope="module")
def register(county):
    return gpd.read_file(county.buildings)


@pytest.fixture(scope="module")
def sound(register):
    """Rows without the faults that were put in: present, valid, larger than 2 m², each geometry once."""
    shapes = register.geometry.to_numpy()
    present = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    keep = present & shapely.is_valid(shapes) & (shapely.area(shapes) > 2)
    keep &= ~register.geometry.to_wkb().duplicated().to_numpy()
    return register[keep].reset_index(drop=True)


def test_rows_and_faults_are_the_promised_ones(county, register):
    shapes = register.geometry.to_numpy()
    missing, empty = shapely.is_missing(shapes), shapely.is_empty(shapes)
    present = ~missing & ~empty
    found = {
        "bow_tie": int((present & ~shapely.is_valid(shapes)).sum()),
        "null_geometry": int(missing.sum()),
        "empty_geometry": int(empty.sum()),
        "duplicate": int(register.geometry[present].to_wkb().duplicated().sum()),
        "tiny": int((present & shapely.is_valid(shapes) & (shapely.area(shapes) < 2)).sum()),
    }
    assert found == dict(county.expected)
    assert len(register) == ROWS == county.rows
    assert register["bid"].is_unique


def test_same_seed_same_numbers_and_old_files_are_replaced(tmp_path):
    first = write_county(tmp_path / "a", buildings=400, seed=7)
    write_county(tmp_path / "b", buildings=300, seed=8)
    again = write_county(tmp_path / "b", buildings=400, seed=7)
    other = write_county(tmp_path / "c", buildings=400, seed=9)
    one, two, three = (gpd.read_file(f.buildings) for f in (first, again, other))
    assert one.geometry.to_wkb().equals(two.geometry.to_wkb())
    assert one.drop(columns="geometry").equals(two.drop(columns="geometry"))
    assert not one.geometry.to_wkb().equals(three.geometry.to_wkb())
    with rasterio.open(first.dem) as a, rasterio.open(again.dem) as b:
        assert np.array_equal(a.read(1), b.read(1))
    assert gpd.read_file(first.parcels).geometry.to_wkb().equals(gpd.read_file(again.parcels).geometry.to_wkb())


def test_a_county_needs_some_buildings(tmp_path):
    with pytest.raises(StudyError, match="at least 200"):
        write_county(tmp_path, buildings=50)


def test_progress_ends_at_the_number_of_rows(tmp_path):
    seen = []
    write_county(tmp_path, buildings=300, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (300, 300)


def test_responsible_areas_are_a_partition_of_the_county(county):
    responsible, districts, towns = (gpd.read_file(p).geometry.to_numpy() for p in (county.responsible, county.districts, county.towns))
    # GEOS has its own idea of a gapless, overlap-free set of polygons.
    for layer in (responsible, districts, towns):
        assert shapely.coverage_is_valid(layer)
    whole = shapely.union_all(towns)
    for layer in (responsible, districts):
        assert shapely.symmetric_difference(shapely.union_all(layer), whole).area < 1e-6 * whole.area
        assert shapely.area(layer).sum() == pytest.approx(whole.area, rel=1e-9)


def test_the_zone_administers_whole_towns_of_two_districts(county):
    towns, districts = gpd.read_file(county.towns), gpd.read_file(county.districts)
    zone = gpd.read_file(county.zones).geometry.iloc[0]
    share = shapely.area(shapely.intersection(towns.geometry.to_numpy(), zone)) / shapely.area(towns.geometry.to_numpy())
    assert np.all((share < 1e-9) | (share > 1 - 1e-9))
    assert set(towns["name"][share > 0.5]) == set(towns["name"][towns["zone"].notna()])
    assert (shapely.area(shapely.intersection(districts.geometry.to_numpy(), zone)) > 1e6).sum() == 2
    accountable = gpd.read_file(county.responsible)
    assert sorted(accountable["name"]) == sorted([*districts["name"], gpd.read_file(county.zones)["name"].iloc[0]])


def test_buildings_do_not_overlap_and_lie_in_the_county(county, sound):
    shapes = sound.geometry.to_numpy()
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = left < right
    shared = shapely.area(shapely.intersection(shapes[left[pairs]], shapes[right[pairs]]))
    assert shared.size == 0 or shared.max() < 0.01
    whole = shapely.union_all(gpd.read_file(county.districts).geometry.to_numpy())
    assert shapely.contains(whole, shapes).all()


def test_mix_of_surfaces_halls_and_towers(sound):
    area, height = shapely.area(sound.geometry.to_numpy()), sound["高度"].to_numpy(float)
    assert (area > 2000).mean() >= 0.02
    assert (height > 50).mean() >= 0.01
    assert area.max() < 20_500 and np.nanmax(height) < 105
    # Gables: dwellings below 10 m and halls, a pair of slopes for each house of a household; the rest is flat.
    use = sound["用途"].fillna("")
    low = (height < 10) | (sound["层数"] < 4)
    gable = use.isin(["农房", "厂房", "仓库"]) | ((use == "住宅") & low)
    houses = shapely.get_num_geometries(sound.geometry.to_numpy())
    assert 2.0 <= np.where(gable, 2 * houses, 1).mean() <= 2.5


def test_the_register_is_as_patchy_as_promised(sound):
    height, floors, year = sound["高度"], sound["层数"], sound["建成年份"]
    # Binomial scatter of 3,000 draws is 0.6 % at most; 2.5 % is four of its standard deviations.
    assert height.notna().mean() == pytest.approx(0.88, abs=0.025)
    assert (height.isna() & floors.notna()).mean() == pytest.approx(0.09, abs=0.025)
    assert (height.isna() & floors.isna()).mean() == pytest.approx(0.03, abs=0.015)
    assert year.isna().mean() == pytest.approx(0.11, abs=0.025)
    number = year.str.extract(r"^(\d{4})年?$", expand=False)
    assert number.notna().equals(year.notna())
    new = number.astype(float).between(2023, 2025)
    assert new[sound["用途"] == "厂房"].any() and new[sound["用途"].isin(["学校", "医院", "机关", "村委会"])].any()
    existing = sound["已装光伏kw"]
    assert 10 <= existing.notna().sum() <= 150
    assert (existing / sound.area).max() <= 0.2
    assert set(sound["用途"].dropna()) <= set(USES)
    assert set(ODD_NAMES) <= set(sound["名称"].dropna())


def test_houses_of_a_village_face_south_within_twenty_degrees(sound):
    houses = sound[(sound["用途"] == "农房") & (sound.geometry.geom_type == "Polygon") & (sound.area > 60) & (sound.area < 95)]
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(houses.geometry.to_numpy())).reshape(-1, 5, 2)
    sides = np.diff(corners[:, :3], axis=1)
    longest = sides[np.arange(len(sides)), np.hypot(*sides.T).T.argmax(axis=1)]
    turn = (np.degrees(np.arctan2(longest[:, 1], longest[:, 0])) + 90) % 180 - 90
    # Corners are rounded to the millimetre: 0.02 degrees on a side of 6 m.
    assert np.abs(turn).max() <= 20.05


def test_ground_has_hills_in_the_south_and_settlements_on_gentle_slopes(county, sound):
    with rasterio.open(county.dem) as source:
        ground, transform, crs = source.read(1), source.transform, source.crs
    assert crs.to_epsg() == 4548
    assert (transform.a, transform.e) == (30, -30) and transform.c % 30 == 0 and transform.f % 30 == 0
    assert 850 <= ground.max() <= 905 and ground.min() > 0
    third = len(ground) // 3
    assert ground[:third].max() < 150 < np.percentile(ground[-third:], 75)
    north, east = np.gradient(ground.astype(float), 30)
    slope = np.degrees(np.arctan(np.hypot(north, east)))
    x, y = shapely.get_coordinates(shapely.centroid(sound.geometry.to_numpy())).T
    column, row = ((x - transform.c) / 30).astype(int), ((transform.f - y) / 30).astype(int)
    assert slope[row, column].max() <= 15
    assert abs(x.mean() - CENTRE[0]) < 9000 and abs(y.mean() - CENTRE[1]) < 9000


def test_halls_lie_mostly_in_one_parcel_and_some_straddle(county, sound):
    halls = sound[sound.area > 2000].geometry.to_numpy()
    parcels = gpd.read_file(county.parcels)
    assert parcels["parcel_id"].is_unique and parcels.is_valid.all() and parcels["name"].notna().all()
    hits = shapely.STRtree(parcels.geometry.to_numpy()).query(halls, predicate="intersects")[0]
    count = np.bincount(hits, minlength=len(halls))
    assert (count == 1).mean() > 0.6
    assert (count == 2).any()


def test_towers_are_urban_and_most_farmhouses_are_not(county, sound):
    urban = shapely.union_all(gpd.read_file(county.urban).geometry.to_numpy())
    inside = shapely.contains(urban, sound.geometry.to_numpy())
    assert inside[sound["高度"] > 50].all()
    assert inside[sound["用途"] == "农房"].mean() < 0.2


def test_study_file_is_readable_and_names_files_and_columns_that_exist(county, register):
    study = load_study(county.study)
    assert study.study.made_up and study.study.crs == "EPSG:4548"
    for path in (*study.buildings.path, study.terrain.dem, *(path for layer in study.regions.values() for path in layer.path)):
        assert study.path(path).is_file()
    assert set(study.buildings.columns.values()) <= set(register.columns)
    assert study.buildings.use == USES
    for layer in study.regions.values():
        frame = gpd.read_file(study.paths(layer)[0])
        assert layer.name in frame and (layer.id is None or layer.id in frame)
    assert "虚构" in county.readme.read_text(encoding="utf-8") and "made up" in county.readme.read_text(encoding="utf-8")


def _check(layout, count, radius):
    assert len(layout.role) == len(layout.height) == len(layout.floors) == count
    shapes = footprints(layout.shapes, count, (0.0, 0.0), 20.0)
    assert shapely.is_valid(shapes).all()
    # The register's existing PV is sized by this area; corners are rounded to the millimetre.
    assert shapely.area(shapes) == pytest.approx(layout.shapes.areas(count), rel=1e-3)
    assert np.abs(shapely.bounds(shapes)).max() <= radius
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = left < right
    assert shapely.area(shapely.intersection(shapes[left[pairs]], shapes[right[pairs]])).sum() < 0.01


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 700), st.sampled_from([village, old_town]))
def test_courtyards_have_the_count_asked_for_and_keep_to_their_ground(seed, count, make):
    _check(make(np.random.default_rng(seed), count), count, lots_radius(make.__name__, count))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 240), st.sampled_from(["towers", "flats", "park", "campus"]))
def test_blocks_have_the_count_asked_for_and_keep_to_their_ground(seed, count, kind):
    rng = np.random.default_rng(seed)
    if kind == "campus":
        count = 1 + count % 12
        layout = campus(rng, count, count % len(CAMPUSES))
    elif kind == "park":
        layout = park(rng, count)
    else:
        count = 1 + count % 60
        layout = estate(rng, count, towers=kind == "towers")
    _check(layout, count, block_radius(kind, count))


def test_shapes_by_hand():
    one = np.ones(1)
    expected = {RECTANGLE: 200.0, ANGLE: 20 * 3 + 7 * 3.0, YARD: 20 * 3 + 2 * 7 * 3.0, CROSS: 200 - 4 * 9.0}
    for kind, area in expected.items():
        shape = Shapes.of(np.zeros(1, np.int64), 5 * one, 7 * one, 20 * one, 10 * one, thickness=3.0, kind=kind)
        polygon = footprints(shape, 1, (100.0, 200.0), 90.0)[0]
        assert polygon.area == pytest.approx(area) == shape.areas(1)[0]
        # A quarter turn anticlockwise takes (5, 7) to (-7, 5), and width along x to width along y.
        assert polygon.bounds == pytest.approx((88.0, 195.0, 98.0, 215.0))


def test_noise_hits_its_lattice_and_both_ways_of_asking_agree():
    noise = ValueNoise.over(np.random.default_rng(1), (0, 0, 500, 300), 100.0)
    x, y = np.linspace(0, 490, 30), np.linspace(0, 290, 20)
    raster = noise.grid(x, y)
    assert noise.at(np.array([200.0]), np.array([100.0]))[0] == noise.lattice[1, 2]
    assert np.allclose(raster, noise.at(*np.meshgrid(x, y)), rtol=0, atol=1e-12)
    assert raster.min() >= 0 and raster.max() <= 1
