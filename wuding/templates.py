"""The commented study file that `wuding init` writes; it runs as it is beside the sample county's data."""

STUDY_TEMPLATE = """\
# 研究文件。路径均相对于本文件；Windows 路径请用 '单引号'。写好后运行：wuding check study.toml，再 wuding run study.toml
# Study file. Paths are relative to it. This one runs as it is beside the data that `wuding demo` writes.

[study]
name = "my-county"             # 研究名称，也是 GeoPackage 的文件名
crs = "EPSG:4548"              # 计算用投影坐标系，单位米；济南：CGCS2000 三度带 117°E
lang = "zh"                    # 成果语言：zh 或 en
as_of = 2026-11-23             # 评价基准日
# made_up = true               # 数据为虚构时写明，所有成果都会注明

[buildings]
path = "buildings.gpkg"        # 建筑轮廓：Shapefile（可为 zip）、GeoPackage、GeoJSON、GeoParquet、File GDB、KML、DXF、OSM PBF，
                               # 或带 WKT 列的 CSV/Excel；也可写列表 ["a.shp", "b.shp"]、文件夹，或通配 "镇街/*.shp"；
                               # 只有经纬度点位的表格须在下面写明 area（基底面积），各点按面积画成正方形，可信度低
# layer = "buildings"          # 文件有多个图层时写明（DXF 为其图层，Excel 为工作表，zip 为其中的文件）
# encoding = "GB18030"         # 文字编码识别有误时写明
# crs = "EPSG:4490"            # 文件没有坐标系、或写错坐标系时写明；以此处为准
# datum = "gcj02"              # 坐标经过偏移（高德、腾讯 gcj02；百度 bd09）时写明
# axes = "northing_easting"    # 第一个坐标是北向（X）或纬度时写明，测量成果表常如此
# control_points = "points.csv"  # 地方独立坐标系：控制点表，列 x,y（同图层）与 X,Y（study.crs 的东、北坐标），至少三点
# transform = { dx = 0.0, dy = 0.0, rotation = 0.0, scale = 1.0 }   # 或直接写四参数：米、度（逆时针）
minimum_area_m2 = 10           # 小于此面积的图形不评估
# landuse = { path = "dltb.shp", name = "DLBM" }   # 用地图层：没有用途的建筑按所在地块取用途；name 为地类字段（编码或名称）
# pv = { path = "pv.gpkg", kwp = "容量" }          # 已装光伏图斑；没有容量字段时按面积估算
# overrides = "overrides.csv"                      # 人工更正：id, height, floors, use, tilt, exclude, installed_kwp；中文表头、单位均可

[buildings.columns]            # 左边是本工具的字段，右边是数据里的字段；没有的字段删去该行
id = "bid"                     # 唯一编号；没有时由几何生成
name = "名称"
height = "高度"                # 米；文字也行：12m、9,5、2层/6米、6+1、地上6层地下1层……读不懂的会列出
floors = "层数"
# min_height = "min_height"    # 建筑部件的底部高度（OSM、Overture），米
# area = "基底面积"            # 仅用于点位：屋面（基底）面积，平方米，也可带单位（㎡、亩、公顷）
use = "用途"
year_built = "建成年份"
# construction = "屋面材料"     # 屋面构造：彩钢瓦、混凝土、瓦屋面等，决定平铺或支架、荷载、采光带；未填者按用途假定
# load_reserve = "承载力余量"   # 屋面尚可增加的荷载，kPa；未填者标注“需结构复核”
installed_kwp = "已装光伏kw"   # 已装光伏，千瓦（直流）
# urban = "城乡"               # 城镇 / 农村

[buildings.use]                # 数据里的用途 = 本工具的分类；可用通配符 * ?；未写的词由内置词表翻译
# 分类：factory public_institution public_building commercial urban_residential rural_residential transport other unknown
"厂房" = "factory"
"仓库" = "factory"
"学校" = "public_institution"
"医院" = "public_institution"
"机关" = "public_institution"
"村委会" = "public_institution"
"体育馆" = "public_building"
"商业" = "commercial"
"办公" = "commercial"
"住宅" = "urban_residential"
"农房" = "rural_residential"
"车站" = "transport"

# [surfaces]                   # 不是建筑但可按屋顶计算的面：停车场上可建的光伏车棚，已有的罩棚（加油站、站台等）；height 为高度字段，可不写
# carports = { path = "parking.gpkg", name = "name" }
# canopies = { path = "canopies.gpkg", name = "name", height = "height" }

# [[exclusions]]               # 不可安装的范围（文物、拆迁、机场净空……），可写多段
# path = "heritage.gpkg"
# reason = "文物保护范围"

[terrain]
dem = "dem.tif"                # 数字高程模型：单个文件、分幅文件夹或通配 "dem/*.tif"；没有时必须写明 dem = "flat"（不考虑地形）
# dem_crs = "EPSG:4490"        # 高程文件没有坐标系或标错时写明，以此为准；表面模型为 dsm_crs
# dsm = "dsm.tif"              # 数字表面模型（≤ 2 米），可用于建筑高度与遮挡
# canopy = "trees.tif"         # 树冠高度栅格（离地米数，无树为 0），按月透光率遮挡
# canopy_transmissivity = "deciduous"   # deciduous 落叶 / evergreen 常绿，或一月至十二月的十二个透光率
surface_resolution = 1.0       # 近场遮挡计算的栅格，米

[regions]                      # 分区图层；name 为名称字段，地块另有 id 字段；各自可写 crs、datum、axes、control_points、encoding、layer；
                               # path 也可写多个文件：path = ["镇1.shp", "镇2.shp"]
responsible = { path = "responsible.gpkg", name = "name" }             # 责任区域：不重不漏，考核用
districts = { path = "districts.gpkg", name = "name" }                 # 区县
zones = { path = "zones.gpkg", name = "name" }                         # 功能区，可与区县重叠
parcels = { path = "parcels.gpkg", name = "name", id = "parcel_id" }   # 地块
urban = { path = "urban.gpkg", name = "name" }                         # 城镇边界，区分城镇与农村

[weather]
source = "climatology"         # 内置济南气候月均值（未经核实，仅限济南 150 公里内）；有气象文件时改写为下一行
# files = ["jinan.epw"]        # EPW、TMY3、PVGIS TMY、NASA POWER、Meteonorm、Solargis 或普通 CSV；可写多个站，各屋顶取最近的站
# mix = "three_nearest"        # 或按距离反比加权最近三个站的发电量
# stand_in = true              # 气象站距研究区超过 100 公里时必须写明，成果会标注

# [[sources]]                  # 开放数据的来源，写入各项成果；wuding fetch 会自动写好
# title = "OpenStreetMap"
# attribution = "© OpenStreetMap contributors"
# licence = "ODbL 1.0"
# version = "2026-11-01"
# weakness = "农村建筑不全"
# notes = ["建筑 12,000 栋；有高度 80%"]

[roofs]
point_threshold = 0.7          # 低于无遮挡辐照量此比例的部位不装组件
# access_spacing_m = 40        # 大屋面检修通道的间距（米，纵横两向）
# access_width_m = 1.0         # 通道宽度（米）
# [roofs.archetypes.factory]   # 按用途修改屋顶参数，字段见 geo/archetypes.toml
# setback_m = 1.0
# [roofs.thermal]              # 住宅屋顶先留集热器（太阳能热水），再装光伏；所供热量计入可再生能源替代率
# m2_per_household = 2.0       # 每户集热器面积，平方米；或写 litres_per_household = 100（每户每日热水，升）；都写时后者只限定用热量
# parameters = { collector = { eta0 = 0.75 } }   # 集热器与热水参数，字段见 solar/thermal.toml

[system]
choose = "lcoe"                # 平屋顶安装方式的选择：lcoe、energy、coverage、npv
# [system.module]              # 组件、安装、损失、光学、积雪、逆变器、衰减参数，字段见 solar/system.toml
# pdc0_w = 600.0
# [system.losses]
# soiling = [0.035, 0.035, 0.04, 0.04, 0.035, 0.025, 0.015, 0.015, 0.025, 0.03, 0.035, 0.035]   # 积灰：全年一个数或逐月十二个
# [system.optics]
# transposition = "perez_driesse"   # 或 haydavies（缺省）

[policy]
name = "jinan-2023-36"         # 内置政策，或自己的政策文件 "my-policy.toml"
# form = "填报表.xlsx"          # wuding template study.toml 生成；已装、在建容量与用能在此填写

# [roadmap]                    # 路线图：哪些屋顶、哪一年建；写入 roadmap_year，并计入规划值
# order = "lcoe"               # 次序：lcoe、yield、quota（按类配额并行）、public_first、grid_room
# last_year = 2030             # 缺省为最后一个未到期目标的年份
# yearly_mw = 300.0            # 每年上限，MW（交流）
# uptake = true                # 各类建筑按 S 形接受曲线，参数见 layers/roadmap.toml
# grid_room = false            # true：各责任区域不超过填报表中的电网可开放容量
# [roadmap.alternative]        # 第二情景，只写不同之处
# name = "公共建筑优先"
# order = "public_first"

# [[load]]                     # 计量负荷曲线（全年逐时，kW，取末列），代替分类负荷曲线；可写多段
# class = "factory"            # 某类用途的典型曲线；或写 area = "某区域名称"，为该区域的总负荷
# file = "load.csv"

# [hosting]                    # 承载力：电网企业给出的表（区域、颜色、可开放容量、变压器容量……），按区域名称对应
# table = "承载力.xlsx"
# layer = "transformers"       # 表中名称所在的分区图层；缺省为 transformers，再为 responsible、districts
# source = "国网某供电公司"     # 谁公布的；as_of = 2026-09-30 为资料日期；表中“来源”“日期”列优先
# rules = { simultaneity = 0.8 }   # DL/T 2041—2025 的参数，见 layers/hosting.toml

# [money]
# tariffs = "tariffs.toml"     # 分时电价与现货价，格式见 solar/tariffs.toml
# finance = { discount_rate = 0.07 }   # 见 solar/finance.toml
# tax = { loan_share = 0.7 }   # 见 solar/cashflow.toml
# carbon = { grid_factor = 0.57 }   # 当地电网平均排放因子，kgCO2/kWh；或 choice，见 layers/carbon.toml；中国以外不填则减排量无法判定

[run]
tile_buildings = 4000          # 每个分块的建筑数；不影响结果
# workers = 2                  # 进程数；不影响结果
# worker_memory_gb = 4.0      # 每个进程可用内存（GB），默认按机器均分；不够时分块分段测算，结果不变
"""
