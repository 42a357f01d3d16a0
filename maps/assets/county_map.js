/* Fills Folium's groups from the data in the page. Every text becomes a text node: names in the data are never markup. */
function countyMap(map, groups) {
  "use strict";
  const data = JSON.parse(document.getElementById("county-data").textContent);
  const W = data.words;
  /* Okabe and Ito's colours for marks side by side, which colour-blind readers tell apart: https://jfly.uni-koeln.de/color/ */
  const MARKS = {
    zones: "#7a3b8f", urban: "#8a6d3b", parcels: "#33393b", exclusions: "#7d1f1a", best: "#000000", party: "#d55e00", schools: "#0072b2",
    hospitals: "#cc79a7", public: "#56b4e9", industry: "#e69f00", rural: "#009e73", existing: "#f0e442", left_out: "#8b8b8b",
  };
  const STEPS = 1e6;
  map.options.minZoom = 3;  /* else the roofs' first zoom would become the map's */
  map.options.maxZoom = 20;
  map.options.renderer = L.canvas({ tolerance: 3 });  /* thin outlines answer the mouse and a finger */
  const plainHeatCanvas = L.HeatLayer.prototype._initCanvas;
  const known = data.measures.filter((measure) => measure.known).map((measure) => measure.key);
  const state = { theme: null, measure: known[0] || null, on: new Set(), year: null, roofColour: "specific_yield", base: null };
  const items = {};
  const byKey = new Map(data.regions.map((region) => [region.key, region]));
  const wide = window.innerWidth > 760;
  /* What answers the mouse lies in Leaflet's own overlay pane; these lie under it. */
  [["base", 150], ["land", 340], ["roofs", 350], ["heat", 360]].forEach(([name, height]) => {
    const pane = map.createPane(name);
    pane.style.zIndex = height; pane.style.pointerEvents = "none";
  });
  const landCanvas = L.canvas({ pane: "land" });

  function node(tag, text, name) {
    const made = document.createElement(tag);
    if (text !== undefined && text !== null) made.textContent = text;
    if (name) made.className = name;
    return made;
  }
  function decode(shape) {
    return shape.map((polygon) => polygon.map((flat) => {
      const ring = [];
      let x = 0, y = 0;
      for (let i = 0; i < flat.length; i += 2) {
        x += flat[i]; y += flat[i + 1];
        ring.push([data.origin[1] + y / STEPS, data.origin[0] + x / STEPS]);
      }
      return ring;
    }));
  }
  function plain(value, digits) {
    return value.toLocaleString(data.lang === "zh" ? "zh-CN" : "en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }
  function shown(key, value) {
    const field = data.fields[key];
    if (value === null || value === undefined) return "—";
    if (key === "use") return data.uses[value] || String(value);
    if (key === "roadmap_year") return String(value);
    if (typeof value !== "number") return data.hosting[value] ? W[value] : data.codes[value] || String(value);
    const scaled = value * field.factor;
    const size = Math.abs(scaled);
    /* At least two figures of what is small, no decimals of nothing or of thousands. */
    const small = size > 0 && size < 1 ? Math.min(6, 1 - Math.floor(Math.log10(size))) : 0;
    const digits = !field.digits || size >= 1000 || size === 0 ? 0 : Math.max(field.digits, small);
    return plain(scaled, digits) + (field.unit === "°" ? "°" : field.unit ? " " + field.unit : "");
  }
  const powerOf = (table) => (table.columns.includes("pdc0_kwp") ? "pdc0_kwp" : "one.pdc0_kwp");
  const cell = (table, row, key) => row[table.columns.indexOf(key)];
  function classOf(classes, value) {
    if (!classes || value === null || value === undefined) return data.noData;
    const at = classes.edges.findIndex((edge) => value <= edge * (1 + 1e-9));
    return classes.colours[at < 0 ? classes.colours.length - 1 : at];
  }

  /* what a region shows of the chosen measure */
  const has = (region, key) => Boolean(region && (key === "roadmap_kw" ? (region.years || []).length : (region.columns || []).includes(key)));
  function valueOf(region, row, at) {
    if (state.measure === "roadmap_kw") return (region.years || []).length ? region.roadmap[at][region.years.indexOf(state.year)] : null;
    return has(region, state.measure) ? cell(region, row, state.measure) : null;
  }
  function fillOf(region, row, at) {
    const value = valueOf(region, row, at);
    if (state.measure === "hosting_colour") return data.hosting[value] || data.noData;
    return classOf(region.classes[state.measure], value === null ? null : value * data.fields[state.measure].factor);
  }

  /* hover and click */
  function hint(lines, name) {
    const box = node("div", null, "hint-text");
    box.append(node("b", name));
    lines.forEach(([key, value]) => box.append(node("span", data.fields[key].title + " " + shown(key, value))));
    return box;
  }
  function sheet(columns, values, kind, name, link) {
    const box = node("div"), rows = node("table");
    box.append(node("h4", name), node("p", kind));
    columns.forEach((key, at) => {
      if (key === "name" || key === "rank" || values[at] === null || values[at] === undefined || values[at] === "") return;
      const line = node("tr");
      line.append(node("th", data.fields[key].title), node("td", shown(key, values[at]), typeof values[at] === "number" ? "" : "words"));
      rows.append(line);
    });
    box.append(rows);
    if (link) box.append(sheetLink(link));
    return box;
  }
  function sheetLink(link) {
    const made = node("a", W.sheet, "sheet");
    made.href = link; made.target = "_blank"; made.rel = "noopener";
    return made;
  }
  /* Popups stay clear of the card and the buttons, and scroll where the map is small. */
  const popupOptions = () => ({
    maxWidth: Math.min(320, map.getSize().x - 50), minWidth: 230, maxHeight: map.getSize().y - (wide ? 60 : 150),
    autoPanPaddingTopLeft: wide ? [256, 14] : [10, 56], autoPanPaddingBottomRight: wide ? [56, 14] : [10, 56],
  });
  function attach(layer, table, row, kind, lines, link) {
    const name = cell(table, row, "name") || W.unnamed;
    layer.county = { name, kind, table, row };
    layer.bindTooltip(() => hint(lines(), name), { sticky: true, className: "hint", direction: "top", offset: [0, -6] });
    layer.bindPopup(() => sheet(table.columns, row, kind, name, link), popupOptions());
    /* A single roof under the pointer answers before the region that it lies in. */
    const own = layer._openPopup;
    layer.off("click", own, layer);
    layer.on("click", (event) => { if (!clickRoof(event)) own.call(layer, event); });
    return layer;
  }

  /* regions: themes are filled, the others outlined */
  /* Over single roofs and heat regions keep their outlines and answers only: a fill would change the colours that the legend shows. */
  const roofsShown = () => Boolean(roofs && state.on.has("roofs") && Math.round(map.getZoom()) >= data.roofs.zooms[0]);
  const outlinesOnly = () => roofsShown() || state.on.has("heat");
  function regionStyle(region, row, at) {
    if (region.theme) {
      const cells = region.key === "grid";
      const opacity = outlinesOnly() ? 0 : state.base ? 0.55 : 0.92;
      return { color: outlinesOnly() ? "#8d9793" : "#ffffff", weight: cells ? 0.4 : 1.6, opacity: cells ? 0.6 : 1, fillColor: fillOf(region, row, at), fillOpacity: opacity };
    }
    const mark = MARKS[region.key] || "#55606a", dashed = outlined(region);
    return { color: mark, weight: dashed ? 2 : 1.2, fill: !dashed, dashArray: region.key === "urban" ? "2 5" : dashed ? "8 5" : null, opacity: 0.95, fillColor: mark, fillOpacity: roofsShown() ? 0 : 0.1 };
  }
  const outlined = (region) => region.key === "zones" || region.key === "urban";
  function drawRegion(region) {
    return region.rows.map((row, at) => {
      const shape = decode(region.shapes[at]), style = Object.assign({ smoothFactor: 0.6 }, regionStyle(region, row, at));
      /* What lies inside a zone answers for itself: a zone answers on its line. */
      const layer = outlined(region) ? L.polyline(shape.flatMap((rings) => rings.map((ring) => [...ring, ring[0]])), style) : L.polygon(shape, style);
      const lines = () => {
        if (!region.theme) return [[powerOf(region), cell(region, row, powerOf(region))]];
        const more = state.measure === "hosting_colour" ? ["hosting_room_mw", "hosting_said_by", "hosting_said_on"].filter((key) => has(region, key)) : [];
        return [[state.measure, valueOf(region, row, at)], ...more.map((key) => [key, cell(region, row, key)])];
      };
      const place = region.columns.includes("rank") ? cell(region, row, "rank") : null;
      const rank = place ? ` · ${W.rank} ${place}` : "";
      attach(layer, region, row, region.one + rank, lines, (region.sheets || [])[at]);
      layer.on("mouseover", () => layer.setStyle(region.theme ? { color: "#1f2a29", weight: 2.2, opacity: 1 } : { weight: 3 }));
      layer.on("mouseout", () => layer.setStyle(regionStyle(region, row, at)));
      return layer;
    });
  }
  function fillRegion(region) {
    if (region.levels && !region.rows) pickLevel();
    items[region.key] = drawRegion(region);
    items[region.key].forEach((layer) => layer.addTo(groups[region.key]));
  }
  function restyle() {
    data.regions.filter((region) => items[region.key]).forEach((region) => {
      items[region.key].forEach((layer, at) => layer.setStyle(regionStyle(region, region.rows[at], at)));
    });
    groups.land.setStyle({ fillOpacity: state.base ? 0 : 1 });
  }
  /* The finest cells that are still a dozen pixels wide. */
  function pickLevel() {
    const grid = byKey.get("grid");
    if (!grid) return false;
    const metres = (40075016.7 * Math.cos((map.getCenter().lat * Math.PI) / 180)) / (256 * 2 ** map.getZoom());
    const fitting = grid.levels.find((level) => level.side / metres >= 12) || grid.levels[grid.levels.length - 1];
    if (grid.side === fitting.side) return false;
    Object.assign(grid, fitting);
    return true;
  }
  function refine() {
    if (!pickLevel() || !items.grid) return;
    groups.grid.clearLayers();
    fillRegion(byKey.get("grid"));
    if (state.theme === "grid") controls.drawLegend();
    stack();
  }

  /* names of regions, clear of each other and of the controls */
  function within(ring, x, y) {
    let inside = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      if (ring[i].y > y !== ring[j].y > y && x < ((ring[j].x - ring[i].x) * (y - ring[i].y)) / (ring[j].y - ring[i].y) + ring[i].x) inside = !inside;
    }
    return inside;
  }
  function drawLabels() {
    groups.labels.clearLayers();
    const region = byKey.get(state.theme);
    if (!region || region.key === "grid") return;
    const frame = map.getContainer().getBoundingClientRect();
    const taken = [...map.getContainer().querySelectorAll(".leaflet-control")].map((box) => box.getBoundingClientRect())
      .map((box) => [box.left - frame.left - 4, box.top - frame.top - 4, box.right - frame.left + 4, box.bottom - frame.top + 4]);
    items[region.key].forEach((layer) => {
      const shape = layer.getLatLngs().slice().sort((a, b) => b[0].length - a[0].length)[0];
      if (!shape) return;
      const ring = shape[0].map((at) => map.latLngToContainerPoint(at)), at = map.latLngToContainerPoint(layer.getCenter());
      const half = layer.county.name.length * (data.lang === "zh" ? 7.5 : 4.5);
      const tries = [[0, 0]];
      for (let reach = 22; reach <= 132; reach += 22) tries.push([0, -reach], [0, reach], [-reach * 1.6, 0], [reach * 1.6, 0], [-reach, -reach], [reach, -reach], [-reach, reach], [reach, reach]);
      const free = tries.map(([x, y]) => L.point(at.x + x, at.y + y)).find((point, index) => {
        const box = [point.x - half, point.y - 11, point.x + half, point.y + 11];
        const clear = !taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]);
        return clear && (index === 0 || within(ring, point.x, point.y));
      });
      if (!free) return;
      taken.push([free.x - half, free.y - 11, free.x + half, free.y + 11]);
      const icon = L.divIcon({ className: "region-label", html: node("b", layer.county.name), iconSize: [0, 0] });
      L.marker(map.containerPointToLatLng(free), { icon, interactive: false, keyboard: false }).addTo(groups.labels);
    });
  }

  /* single roofs */
  function colourOfRoof(values) {
    const year = values.roadmap_year || null;
    if (state.roofColour === "roadmap_year") return year && year <= state.year ? data.roofs.years[year] || data.noData : data.noData;
    if (state.roofColour === "data_tier") return data.roofs.tiers[values.data_tier] || data.noData;
    return classOf(data.roofs.classes.specific_yield, values.specific_yield);
  }
  const served = data.roofs && data.roofs.served && location.protocol.startsWith("http");
  const roofs = data.roofs ? roofTiles(map, { url: served ? new URL("roofs.pmtiles", location.href).href : null, inside: () => insideSource("roof-tiles") }, data.roofs.zooms, colourOfRoof) : null;
  const roofName = (values) => values.name || shown("use", values.use);
  function roofSheet(values) {
    return sheet(data.roofs.shown, data.roofs.shown.map((key) => values[key.replace("one.", "")]), W.roof_one, roofName(values));
  }
  function clickRoof(event) {
    const values = roofsShown() ? roofs.hit(event.latlng) : null;
    if (!values) return false;
    L.DomEvent.stop(event);
    L.popup(popupOptions()).setLatLng(event.latlng).setContent(roofSheet(values)).openOn(map);
    return true;
  }
  const roofHint = L.tooltip({ className: "hint roof-hint", direction: "top", offset: [0, -6] });
  function hoverRoof(event) {
    const values = roofsShown() ? roofs.hit(event.latlng) : null;
    map.getContainer().classList.toggle("on-roof", Boolean(values));
    if (!values) { if (map.hasLayer(roofHint)) map.removeLayer(roofHint); return; }
    const key = state.roofColour;
    roofHint.setLatLng(event.latlng).setContent(hint([[key, values[key] === undefined ? null : values[key]], ["one.pdc0_kwp", values.pdc0_kwp]], roofName(values)));
    if (!map.hasLayer(roofHint)) roofHint.addTo(map);
  }

  /* marks of buildings and roofs */
  function dot(point, colour, radius) {
    return L.circleMarker([point[1], point[0]], { radius, color: colour === MARKS.best ? "#ffffff" : "#2b3130", weight: colour === MARKS.best ? 0.7 : 1, fillColor: colour, fillOpacity: 0.92 });
  }
  function fillBest() {
    const table = data.roofs, most = cell(table, table.rows[0], "one.energy_kwh") || 1;
    items.best = table.best.map((point, at) => {
      const row = table.rows[at], energy = cell(table, row, "one.energy_kwh");
      const layer = dot(point, MARKS.best, 1.5 + 4 * Math.sqrt((energy || 0) / most));
      attach(layer, table, row, `${W.best} · ${W.rank} ${at + 1}`, () => [["one.energy_kwh", energy]]);
      layer.county.name = cell(table, row, "name") || shown("use", cell(table, row, "use"));
      return layer.addTo(groups.best);
    });
  }
  function fillPlaces(kind) {
    const table = data.places;
    items[kind] = [];
    table.rows.forEach((row, at) => {
      if (!table.kinds[at].includes(kind)) return;
      const key = kind === "existing" ? "one.installed_kwp" : kind === "left_out" ? "status" : "one.pdc0_kwp";
      const layer = dot(table.points[at], MARKS[kind], kind === "rural" ? 3.5 : 5);
      attach(layer, table, row, W[kind], () => [[key, cell(table, row, key)]]);
      items[kind].push(layer.addTo(groups[kind]));
    });
  }
  function fillExclusions() {
    items.exclusions = data.exclusions.map((area) => {
      const layer = L.polygon(decode(area.shape), { color: MARKS.exclusions, weight: 1.4, dashArray: "3 3", fillColor: MARKS.exclusions, fillOpacity: 0.18 });
      attach(layer, { columns: ["name", "reason"] }, [area.reason, area.reason], W.exclusions, () => []);
      return layer.addTo(groups.exclusions);
    });
  }
  /* The library reads its canvas back, which browsers do well only where it is said before. */
  L.HeatLayer.include({
    _initCanvas() {
      const create = L.DomUtil.create;
      L.DomUtil.create = (tag, ...more) => {
        const made = create(tag, ...more);
        if (tag === "canvas") made.getContext("2d", { willReadFrequently: true });
        return made;
      };
      try { plainHeatCanvas.call(this); } finally { L.DomUtil.create = create; }
    },
  });
  const heat = data.heat ? L.heatLayer(data.heat.points, { pane: "heat", max: 1, minOpacity: 0.12, radius: 18, blur: 14, gradient: { 0.25: "#f6d8a8", 0.5: "#eda35b", 0.75: "#c95b2a", 1: "#7f2310" } }) : null;
  function fitHeat() {
    if (!heat || !map.hasLayer(heat)) return;
    const metres = (40075016.7 * Math.cos((map.getCenter().lat * Math.PI) / 180)) / (256 * 2 ** map.getZoom());
    const radius = Math.max(9, Math.min(60, (byKey.get("grid").levels[0].side / metres) * 1.3));
    /* The library weakens points below its maxZoom; here a cell weighs the same at every zoom. */
    heat.setOptions({ radius, blur: radius * 0.75, maxZoom: map.getZoom() });
  }

  /* what can be shown, from the bottom up */
  const overlays = [];
  data.regions.filter((region) => !region.theme).forEach((region) => overlays.push({ key: region.key, title: region.title, fill: () => fillRegion(region) }));
  if (data.exclusions.length) overlays.push({ key: "exclusions", title: W.exclusions, fill: fillExclusions });
  if (heat) overlays.push({ key: "heat", title: W.heat, layer: heat });
  if (roofs) overlays.push({ key: "roofs", title: W.roofs, layer: roofs.layer });
  if (data.places) ["left_out", ...data.places.layers.filter((kind) => kind !== "left_out").reverse()].forEach((kind) => {
    if (data.places.kinds.some((kinds) => kinds.includes(kind))) overlays.push({ key: kind, title: W[kind], fill: () => fillPlaces(kind) });
  });
  if (roofs) overlays.push({ key: "best", title: `${W.best} (${data.roofs.best.length})`, fill: fillBest });
  const order = [...data.regions.map((region) => region.key), ...overlays.map((overlay) => overlay.key).filter((key) => groups[key] && !byKey.has(key))];

  function stack() { order.forEach((other) => { if (map.hasLayer(groups[other])) groups[other].bringToFront(); }); }
  function show(key, visible) {
    const entry = overlays.find((overlay) => overlay.key === key);
    const layer = entry && entry.layer ? entry.layer : groups[key];
    if (visible && !items[key] && !(entry && entry.layer)) { if (entry) entry.fill(); else fillRegion(byKey.get(key)); }
    if (visible) layer.addTo(map); else map.removeLayer(layer);
    stack();
  }
  function setTheme(key) {
    if (state.theme) show(state.theme, false);
    state.theme = key;
    const region = byKey.get(key);
    if (region && region.levels) pickLevel();
    if (region && !has(region, state.measure)) setMeasure(known[0], true);
    if (key) show(key, true);
    drawLabels();
    controls.drawLegend();
  }
  function setMeasure(key, keep) {
    state.measure = key;
    if (!keep && state.theme && !has(byKey.get(state.theme), key)) {
      const able = data.regions.find((region) => region.theme && has(region, key));
      if (able) { controls.choose("theme", able.key); setTheme(able.key); }
    }
    restyle();
    controls.sync();
  }
  function setOverlay(key, visible) {
    if (visible) state.on.add(key); else state.on.delete(key);
    show(key, visible);
    fitHeat();
    restyle();
    controls.sync();
  }
  function setYear(year) {
    state.year = year;
    restyle();
    if (roofs && state.roofColour === "roadmap_year") roofs.layer.redraw();
    controls.drawLegend();
  }
  function setRoofColour(key) {
    state.roofColour = key;
    roofs.layer.redraw();
    controls.sync();
  }
  let tiles = [], refused = {};
  /* A server may refuse with a picture, which counts as loaded; how it answered is told only to a request that asks for leave (CORS). */
  function askOnce(address, tell) {
    refused.asked = true;
    const probe = new Image();
    probe.crossOrigin = "anonymous"; probe.referrerPolicy = "origin";
    probe.addEventListener("load", () => {
      const answers = performance.getEntriesByName(probe.src);
      if (answers.some((answer) => answer.responseStatus >= 400)) tell();
    });
    probe.src = address;
  }
  function setBase(base, key) {
    refused = {};
    tiles.forEach((layer) => map.removeLayer(layer));
    tiles = [];
    state.base = base;
    const crs = base && base.gcj ? GCJ02.crs : L.CRS.EPSG3857;
    if (map.options.crs !== crs) {
      const centre = map.getCenter(), zoom = map.getZoom();
      map.options.crs = crs;
      map._resetView(centre, zoom);
    }
    if (base) {
      /* OpenStreetMap and 天地图 refuse requests that do not say where they come from; a page from disk has nothing to say. */
      const options = { pane: "base", subdomains: base.shards, maxNativeZoom: base.most, maxZoom: 22, referrerPolicy: "origin" };
      tiles = [base.url, base.names].filter(Boolean).map((url) => L.tileLayer(url.replace("{key}", encodeURIComponent(key)), options).addTo(map));
      tiles[0].on("tileerror", () => controls.tellBase(base, W.base_failed)).on("tileload", ({ tile }) => {
        if (!refused.asked) askOnce(tile.src, () => { if (state.base === base) { refused.is = true; controls.tellBase(base, W.base_refused); } });
        controls.tellBase(base, refused.is ? W.base_refused : "");
      });
    }
    controls.tellBase(base, "");
    restyle();
    controls.sync();
  }

  const years = (byKey.get("responsible") || {}).years || [];
  const roofYears = data.roofs ? Object.keys(data.roofs.years).map(Number) : [];
  state.year = Math.max(...years, ...roofYears, 0) || null;
  const api = {
    map, state, items, data, groups, roofs, roofsShown, outlinesOnly, overlays, byKey, MARKS, W, node, plain, shown, cell, has, decode, sheet, sheetLink, show, wide, years,
    roofYears, setTheme, setMeasure, setOverlay, setYear, setRoofColour, setBase, drawLabels, roofName, popupOptions,
  };
  /* Beside the legend where that costs little, under it where the county is broad. */
  api.besideLegend = (left) => {
    const zoomBeside = (right) => map.getBoundsZoom(data.bounds, false, L.point(left + right, 38));
    return zoomBeside(230) >= zoomBeside(50) - 0.3 ? 230 : 50;
  };
  api.screenPadding = () => ({ animate: false, paddingTopLeft: [wide ? 256 : 14, 14], paddingBottomRight: [wide ? api.besideLegend(256) : 14, 30] });
  const controls = countyControls(api);
  /* Then the legend no longer says that only some roofs are drawn. */
  if (roofs) roofs.whenComplete = () => controls.drawLegend();

  map.invalidateSize();
  map.fitBounds(data.bounds, api.screenPadding());
  const themes = data.regions.filter((region) => region.theme);
  const land = byKey.get("districts") || byKey.get("responsible");
  if (land) land.shapes.forEach((shape) => L.polygon(decode(shape), { color: "#b3afa3", weight: 1, fillColor: "#fdfcfa", fillOpacity: 1, smoothFactor: 0.6, interactive: false, pane: "land", renderer: landCanvas }).addTo(groups.land));
  groups.land.addTo(map);
  groups.labels.addTo(map);
  if (byKey.has("zones")) state.on.add("zones");
  /* Where the whole study fits at a zoom that shows single roofs, they would hide the theme that is asked for first. */
  if (roofs && (!themes.length || Math.round(map.getZoom()) < data.roofs.zooms[0])) state.on.add("roofs");
  controls.fill(themes);
  setTheme(themes.length ? themes[0].key : null);
  state.on.forEach((key) => show(key, true));
  controls.sync();
  countyPanel(api, controls);
  let thin = roofsShown();
  map.on("zoomend", () => {
    refine();
    if (thin !== roofsShown()) { thin = roofsShown(); restyle(); }
    fitHeat();
    controls.drawLegend();
  });
  map.on("moveend", drawLabels);
  map.on("click", clickRoof);
  map.on("mousemove", hoverRoof);
  window.county = api;
  const district = performance.now();
  requestAnimationFrame(() => { api.drawnAfter = performance.now(); document.documentElement.dataset.ready = "yes"; });
  api.filledAfter = district;
}
