/* Fills Folium's groups from the data in the page. Every text becomes a text node: names in the data are never markup. */
function countyMap(map, groups) {
  "use strict";
  const data = JSON.parse(document.getElementById("county-data").textContent);
  const W = data.words;
  const MARKS = { zones: "#7a3b8f", urban: "#8a6d3b", parcels: "#33393b", best: "#c22f2f", public: "#2c5fa8", industry: "#8f4a1c", existing: "#1f7a4d" };
  const STEPS = 1e6;
  const state = { theme: null, measure: data.measures[0] || null, on: new Set() };
  const items = {};
  const byKey = new Map(data.regions.map((region) => [region.key, region]));

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
    if (typeof value !== "number") return data.codes[value] || String(value);
    const scaled = value * field.factor;
    const digits = field.digits > 0 && Math.abs(scaled) >= 1000 ? 0 : field.digits;
    return plain(scaled, digits) + (field.unit === "°" ? "°" : field.unit ? " " + field.unit : "");
  }
  const titled = (key) => data.fields[key].title + (data.fields[key].unit ? (data.lang === "zh" ? `（${data.fields[key].unit}）` : ` (${data.fields[key].unit})`) : "");
  const cell = (table, row, key) => row[table.columns.indexOf(key)];
  function classOf(classes, value) {
    if (!classes || value === null || value === undefined) return data.noData;
    const at = classes.edges.findIndex((edge) => value <= edge * (1 + 1e-9));
    return classes.colours[at < 0 ? classes.colours.length - 1 : at];
  }

  /* hover and click */
  function hint(table, row, key, name) {
    const box = node("div", null, "hint-text");
    box.append(node("b", name));
    if (key && table.columns.includes(key)) box.append(node("span", data.fields[key].title + " " + shown(key, cell(table, row, key))));
    return box;
  }
  function sheet(table, row, kind, name) {
    const box = node("div");
    box.append(node("h4", name), node("p", kind));
    const rows = node("table");
    table.columns.forEach((key, at) => {
      if (key === "name" || row[at] === null || row[at] === "") return;
      const line = node("tr");
      line.append(node("th", data.fields[key].title), node("td", shown(key, row[at]), typeof row[at] === "number" ? "" : "words"));
      rows.append(line);
    });
    box.append(rows);
    return box;
  }
  function attach(layer, table, row, kind, key) {
    const name = cell(table, row, "name") || W.unnamed;
    layer.county = { name, kind, table, row };
    layer.bindTooltip(() => hint(table, row, typeof key === "function" ? key() : key, name), { sticky: true, className: "hint", direction: "top", offset: [0, -6] });
    layer.bindPopup(() => sheet(table, row, kind, name), { maxWidth: 320, minWidth: 230, autoPanPadding: [18, 18] });
    return layer;
  }

  /* regions: themes are filled, the others outlined */
  function regionStyle(region, row) {
    if (region.theme) {
      const classes = region.classes[state.measure];
      const value = region.columns.includes(state.measure) ? cell(region, row, state.measure) : null;
      const fill = classOf(classes, value === null ? null : value * data.fields[state.measure].factor);
      const cells = region.key === "grid";
      return { color: "#ffffff", weight: cells ? 0.4 : 1.6, opacity: cells ? 0.6 : 1, fillColor: fill, fillOpacity: 0.92 };
    }
    const mark = MARKS[region.key] || "#55606a";
    const dashed = region.key === "zones" || region.key === "urban";
    return { color: mark, weight: dashed ? 2 : 1.2, dashArray: region.key === "urban" ? "2 5" : dashed ? "8 5" : null, opacity: 0.95, fillColor: mark, fillOpacity: dashed ? 0.03 : 0.1 };
  }
  function fillRegion(region) {
    const rankOf = region.key === "parcels";
    items[region.key] = region.rows.map((row, at) => {
      const layer = L.polygon(decode(region.shapes[at]), Object.assign({ smoothFactor: 0.6 }, regionStyle(region, row)));
      attach(layer, region, row, region.title + (rankOf ? ` · ${W.rank} ${at + 1}` : ""), () => (region.theme ? state.measure : "pdc0_kwp"));
      layer.on("mouseover", () => layer.setStyle(region.theme ? { color: "#1f2a29", weight: 2.2, opacity: 1 } : { weight: 3 }));
      layer.on("mouseout", () => layer.setStyle(regionStyle(region, row)));
      return layer.addTo(groups[region.key]);
    });
  }
  function drawLabels() {
    groups.labels.clearLayers();
    const region = byKey.get(state.theme);
    if (!region || region.key === "grid") return;
    const taken = [];
    items[region.key].forEach((layer) => {
      const shape = layer.getLatLngs().slice().sort((a, b) => b[0].length - a[0].length)[0];
      if (!shape) return;
      const at = map.latLngToContainerPoint(layer.getCenter());
      const half = layer.county.name.length * (data.lang === "zh" ? 7.5 : 4.5);
      const box = [at.x - half, at.y - 11, at.x + half, at.y + 11];
      if (taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) return;
      taken.push(box);
      const icon = L.divIcon({ className: "region-label", html: node("b", layer.county.name), iconSize: [0, 0] });
      L.marker(layer.getCenter(), { icon, interactive: false, keyboard: false }).addTo(groups.labels);
    });
  }

  /* roofs and places */
  function roofName(row) { return cell(data.roofs, row, "name") || shown("use", cell(data.roofs, row, "use")); }
  function fillRoofs() {
    const table = data.roofs, classes = table.classes.specific_yield;
    items.roofs = table.rows.map((row, at) => {
      const fill = classOf(classes, cell(table, row, "specific_yield"));
      const layer = L.polygon(decode(table.shapes[at]), { color: "#4a4f4c", weight: 0.5, fillColor: fill, fillOpacity: 0.95, smoothFactor: 0.4 });
      attach(layer, Object.assign({}, table), row, W.roofs, "specific_yield");
      layer.county.name = roofName(row);
      return layer.addTo(groups.roofs);
    });
  }
  function dot(point, colour, radius) {
    return L.circleMarker([point[1], point[0]], { radius, color: "#ffffff", weight: 1.2, fillColor: colour, fillOpacity: 0.9 });
  }
  function fillBest() {
    const table = data.roofs;
    const most = cell(table, table.rows[0], "one.energy_kwh") || 1;
    items.best = table.best.map((point, at) => {
      const row = table.rows[at];
      const radius = 3 + 6 * Math.sqrt((cell(table, row, "one.energy_kwh") || 0) / most);
      const layer = dot(point, MARKS.best, radius);
      attach(layer, table, row, `${W.best} · ${W.rank} ${at + 1}`, "one.energy_kwh");
      return layer.addTo(groups.best);
    });
  }
  function fillPlaces(kind) {
    const table = data.places;
    items[kind] = [];
    table.rows.forEach((row, at) => {
      if (!table.kinds[at].includes(kind)) return;
      const layer = dot(table.points[at], MARKS[kind], 5);
      attach(layer, table, row, W[kind], kind === "existing" ? "one.installed_kwp" : "one.pdc0_kwp");
      items[kind].push(layer.addTo(groups[kind]));
    });
  }

  /* what can be shown, from the bottom up */
  const overlays = [];
  data.regions.filter((region) => !region.theme).forEach((region) => overlays.push({ key: region.key, title: region.title, fill: () => fillRegion(region) }));
  if (data.roofs) overlays.push({ key: "roofs", title: W.roofs, fill: fillRoofs });
  if (data.places) ["industry", "public", "existing"].forEach((kind) => {
    if (data.places.kinds.some((kinds) => kinds.includes(kind))) overlays.push({ key: kind, title: W[kind], fill: () => fillPlaces(kind) });
  });
  if (data.roofs) overlays.push({ key: "best", title: `${W.best} (${data.roofs.best.length})`, fill: fillBest });
  const order = [...data.regions.map((region) => region.key), "roofs", "industry", "public", "existing", "best"];

  function show(key, visible) {
    const entry = overlays.find((overlay) => overlay.key === key);
    if (visible && !items[key]) { if (entry) entry.fill(); else fillRegion(byKey.get(key)); }
    if (visible) groups[key].addTo(map); else map.removeLayer(groups[key]);
    order.forEach((other) => { if (map.hasLayer(groups[other])) groups[other].bringToFront(); });
  }
  function setTheme(key) {
    if (state.theme) show(state.theme, false);
    state.theme = key;
    if (key) show(key, true);
    drawLabels();
    drawLegend();
  }
  function setMeasure(key) {
    state.measure = key;
    data.regions.filter((region) => region.theme && items[region.key]).forEach((region) => {
      items[region.key].forEach((layer, at) => layer.setStyle(regionStyle(region, region.rows[at])));
    });
    drawLegend();
  }
  function setOverlay(key, visible) {
    if (visible) state.on.add(key); else state.on.delete(key);
    show(key, visible);
    drawLegend();
  }

  /* legend */
  const legend = L.control({ position: "bottomright" });
  legend.onAdd = () => {
    const box = node("details", null, "legend");
    box.open = window.innerWidth > 760;
    L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
    return box;
  };
  function swatches(box, classes) {
    const digits = digitsOf(classes);
    let low = classes.low;
    classes.edges.forEach((edge, at) => {
      const line = node("div"), sample = node("span", null, "sw");
      sample.style.background = classes.colours[at];
      line.append(sample, node("span", low === edge ? plain(edge, digits) : `${plain(low, digits)} – ${plain(edge, digits)}`));
      box.append(line);
      low = edge;
    });
  }
  function digitsOf(classes) {
    const written = classes.edges.map((edge) => String(edge));
    return Math.min(6, Math.max(...written.map((text) => (text.includes(".") && !text.includes("e") ? text.split(".")[1].length : 0))));
  }
  function drawLegend() {
    const box = legend.getContainer();
    box.replaceChildren(node("summary", W.legend));
    const region = byKey.get(state.theme);
    if (region && region.classes[state.measure]) {
      const field = data.fields[state.measure];
      const head = node("h4", field.title + " ");
      head.append(node("small", `${field.unit} · ${region.title}`));
      box.append(head);
      swatches(box, region.classes[state.measure]);
      noteShare(box, region.rows.length, region.total);
    }
    overlays.filter((overlay) => state.on.has(overlay.key)).forEach((overlay) => {
      if (overlay.key === "roofs") {
        const head = node("h4", W.roofs + " ");
        head.append(node("small", data.fields.specific_yield.unit));
        box.append(head);
        if (data.roofs.classes.specific_yield) swatches(box, data.roofs.classes.specific_yield);
        noteShare(box, data.roofs.rows.length, data.roofs.total);
        return;
      }
      const line = node("div");
      line.append(mark(overlay.key), node("span", overlay.title));
      box.append(line);
      if (byKey.has(overlay.key)) noteShare(box, byKey.get(overlay.key).rows.length, byKey.get(overlay.key).total);
    });
  }
  function noteShare(box, count, total) {
    if (count < total) box.append(node("p", W.largest_of.replace("{shown}", plain(count, 0)).replace("{all}", plain(total, 0))));
  }
  function mark(key) {
    const round = ["best", "public", "industry", "existing"].includes(key);
    const made = node("span", null, round ? "mark dot" : "mark");
    if (round) made.style.background = MARKS[key];
    else made.style.border = `2px ${key === "zones" ? "dashed" : key === "urban" ? "dotted" : "solid"} ${MARKS[key] || "#55606a"}`;
    if (key === "roofs") { made.style.border = "1px solid #4a4f4c"; made.style.background = "#e0cf7a"; }
    return made;
  }

  /* the card of choices on the map */
  const card = L.control({ position: "topleft" });
  card.onAdd = () => {
    const box = node("details", null, "card");
    box.open = window.innerWidth > 760;
    box.append(node("summary", W.layers));
    const pick = node("label", null, "pick"), select = node("select");
    select.id = "measure";
    pick.append(node("span", W.measure), select);
    box.append(pick);
    [["themes", W.theme], ["overlays", W.overlays]].forEach(([id, title]) => {
      const set = node("fieldset");
      set.id = id;
      set.append(node("legend", title));
      box.append(set);
    });
    L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
    return box;
  };
  function choice(box, type, key, text, checked, act, sample) {
    const label = node("label");
    const input = node("input");
    input.type = type; input.name = type === "radio" ? "theme" : "overlay"; input.value = key; input.checked = checked;
    input.addEventListener("change", () => act(input.checked));
    label.append(input);
    if (sample) label.append(sample);
    label.append(node("span", text));
    box.append(label);
  }
  function fillPanel(themes) {
    const select = document.getElementById("measure");
    data.measures.forEach((key) => { const option = node("option", titled(key)); option.value = key; select.append(option); });
    select.addEventListener("change", () => setMeasure(select.value));
    const box = document.getElementById("themes");
    themes.forEach((region, at) => choice(box, "radio", region.key, region.title, at === 0, () => setTheme(region.key)));
    choice(box, "radio", "", W.theme_none, !themes.length, () => setTheme(null));
    const list = document.getElementById("overlays");
    overlays.slice().reverse().forEach((overlay) => choice(list, "checkbox", overlay.key, overlay.title, state.on.has(overlay.key), (on) => setOverlay(overlay.key, on), mark(overlay.key)));
  }
  function tick(key) {
    const input = [...document.querySelectorAll(".card input")].find((found) => found.value === key && found.name !== "");
    if (input && !input.checked) input.click();
  }

  /* search */
  const index = [];
  data.regions.filter((region) => region.key !== "grid").forEach((region) => region.rows.forEach((row, at) => {
    const name = cell(region, row, "name");
    if (name) index.push({ name, kind: region.title, go: () => {
      tick(region.key);
      const layer = items[region.key][at];
      map.fitBounds(layer.getBounds(), { maxZoom: 17, padding: [40, 40] });
      layer.openPopup(layer.getCenter());
    } });
  }));
  if (data.places) data.places.rows.forEach((row, at) => {
    const name = cell(data.places, row, "name");
    if (name) index.push({ name, kind: shown("use", cell(data.places, row, "use")), go: () => {
      const point = data.places.points[at];
      map.setView([point[1], point[0]], 17);
      L.popup({ maxWidth: 320, minWidth: 230 }).setLatLng([point[1], point[0]]).setContent(sheet(data.places, row, W.building, name)).openOn(map);
    } });
  });
  function startSearch() {
    const field = document.getElementById("search"), list = document.getElementById("hits");
    const find = () => {
      const words = field.value.trim().toLowerCase();
      list.replaceChildren();
      list.hidden = !words;
      if (!words) return;
      const found = index.filter((entry) => entry.name.toLowerCase().includes(words)).sort((a, b) => a.name.length - b.name.length).slice(0, 12);
      if (!found.length) list.append(node("li", W.no_hits, "none"));
      found.forEach((entry) => {
        const item = node("li"), button = node("button");
        button.type = "button";
        button.append(node("span", entry.name), node("span", entry.kind));
        button.addEventListener("click", () => { list.hidden = true; entry.go(); });
        item.append(button);
        list.append(item);
      });
    };
    field.addEventListener("input", find);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { const first = list.querySelector("button"); if (first) first.click(); }
      if (event.key === "Escape") { field.value = ""; find(); }
    });
    document.addEventListener("click", (event) => { if (!event.target.closest(".find")) list.hidden = true; });
  }

  L.control.zoom({ position: "topright", zoomInTitle: "+", zoomOutTitle: "−" }).addTo(map);
  L.control.scale({ position: "bottomleft", imperial: false, maxWidth: 140 }).addTo(map);
  legend.addTo(map);
  card.addTo(map);
  map.invalidateSize();
  /* Beside the legend where that costs little, under it where the county is broad. */
  const wide = window.innerWidth > 760, left = wide ? 236 : 14;
  const zoomBeside = (right) => map.getBoundsZoom(data.bounds, false, L.point(left + right, 38));
  const right = wide && zoomBeside(200) >= zoomBeside(50) - 0.3 ? 200 : wide ? 50 : 14;
  map.fitBounds(data.bounds, { animate: false, paddingTopLeft: [left, 14], paddingBottomRight: [right, 24] });
  const themes = data.regions.filter((region) => region.theme);
  const land = byKey.get("districts") || byKey.get("responsible");
  if (land) land.shapes.forEach((shape) => L.polygon(decode(shape), { color: "#b3afa3", weight: 1, fillColor: "#fdfcfa", fillOpacity: 1, smoothFactor: 0.6, interactive: false }).addTo(groups.land));
  groups.land.addTo(map).bringToBack();
  groups.labels.addTo(map);
  if (byKey.has("zones")) state.on.add("zones");
  if (data.roofs && !themes.length) state.on.add("roofs");
  fillPanel(themes);
  setTheme(themes.length ? themes[0].key : null);
  state.on.forEach((key) => show(key, true));
  drawLegend();
  startSearch();
  map.on("zoomend", drawLabels);
  window.county = { map, state, items, data };
  document.documentElement.dataset.ready = "yes";
}
