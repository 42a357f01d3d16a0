"""The words that lie beside the sample county: its study file and its README."""

from __future__ import annotations

from .county_attributes import USES


def study_text(crs: str, buildings: str) -> str:
    """
    Return the study file of the sample county, each key explained.

    Parameters
    ----------
    crs
        Projected CRS of the county.
    buildings
        Name of the building file.

    Returns
    -------
    str
        TOML.
    """
    uses = "\n".join(f'"{theirs}" = "{ours}"' for theirs, ours in USES.items())
    return f"""# 虚构示例县的研究文件。文件路径均相对于本文件。

[study]
name = "sample-county"       # 研究名称，也是成果文件名
crs = "{crs}"            # 计算用投影坐标系：CGCS2000 三度带，中央经线 117°E
lang = "zh"                  # 成果语言：zh 或 en
as_of = 2026-11-23           # 评价基准日
made_up = true               # 数据为虚构，所有成果都会注明

[buildings]
path = "{buildings}"      # 建筑轮廓

[buildings.columns]          # 左边是本工具的字段，右边是数据里的字段
id = "bid"                   # 建筑编号
name = "名称"                # 建筑名称
height = "高度"              # 建筑高度，米
floors = "层数"              # 地上层数
use = "用途"                 # 用途
year_built = "建成年份"      # 建成年份，数字或“2024年”
installed_kwp = "已装光伏kw" # 已装光伏，千瓦（直流）

[buildings.use]              # 数据里的用途 = 本工具的分类
{uses}

[terrain]
dem = "dem.tif"              # 30 米数字高程模型；没有高程数据时须写明 dem = "flat"

[regions]                    # 分区图层
responsible = {{ path = "responsible.gpkg", name = "name" }}                 # 责任区域：不重不漏
districts = {{ path = "districts.gpkg", name = "name" }}                     # 区县
zones = {{ path = "zones.gpkg", name = "name" }}                             # 功能区，可与区县重叠
parcels = {{ path = "parcels.gpkg", name = "name", id = "parcel_id" }}       # 工业地块
urban = {{ path = "urban.gpkg", name = "name" }}                             # 城镇开发边界，区分城镇与农村

[weather]
source = "climatology"       # 内置济南气候月均值；有气象文件时改为 files = ["a.epw"]

[policy]
name = "jinan-2023-36"       # 济南市碳达峰实施方案（济政字〔2023〕36号）

[roadmap]                    # 路线图：哪些屋顶、哪一年建
order = "lcoe"               # 度电成本由低到高
yearly_mw = 5.0              # 每年最多新增，MW（交流）
[roadmap.alternative]        # 第二情景，只写不同之处
name = "加快推进"
yearly_mw = 10.0
uptake = false               # 不受接受曲线限制
"""


def readme_text(buildings: int, seed: int, bounds: tuple[float, float, float, float]) -> str:
    """
    Return the note that says that the county is made up.

    Parameters
    ----------
    buildings
        Rows of the building file.
    seed
        Seed of the county.
    bounds
        Left, bottom, right, top [m].

    Returns
    -------
    str
        Plain text in Chinese and English.
    """
    side = (bounds[2] - bounds[0]) / 1000
    return f"""虚构示例县 / A made-up county
==============================

本文件夹中的地形、建筑、分区、地块和名称全部为虚构，由程序随机生成，仅用于演示和测试，与任何真实区县、企业和个人无关。
坐标落在济南一带（EPSG:4548），只是为了使用当地的太阳位置和气候。

Terrain, buildings, regions, parcels and names in this folder are all made up by a program, for demonstration and tests only.
The coordinates lie near Jinan (EPSG:4548) only to have its sun and climate.

建筑 buildings: {buildings:,}    种子 seed: {seed}    边长 side: {side:.1f} km

buildings.*       建筑轮廓：高度、层数、用途、建成年份、已装光伏；有意混入少量错误、重复和过小的图形
dem.tif           30 米数字高程模型
districts.gpkg    三个区县
zones.gpkg        高新示范区：跨两个区县，代管其中的整镇街
responsible.gpkg  责任区域：由功能区代管的镇街归功能区，其余归区县，不重不漏
towns.gpkg        镇街
urban.gpkg        城镇开发边界
parcels.gpkg      工业园地块
study.toml        研究文件
"""
