/* What the panel beside the map does: search, ranked parcels, the build order, printing. */
function countyPanel(county, controls) {
  "use strict";
  const { map, data, items, W, node, shown, cell } = county;

  function goTo(region, at) {
    controls.tick(region.key);
    const layer = items[region.key][at];
    map.fitBounds(layer.getBounds(), { maxZoom: 17, padding: [40, 40], animate: false });
    layer.openPopup(layer.getCenter());
  }
  const index = [];
  data.regions.filter((region) => region.key !== "grid").forEach((region) => region.rows.forEach((row, at) => {
    const name = cell(region, row, "name");
    if (name) index.push({ name, kind: region.one, go: () => goTo(region, at) });
  }));
  if (data.places) data.places.rows.forEach((row, at) => {
    const name = cell(data.places, row, "name");
    if (name) index.push({ name, kind: shown("use", cell(data.places, row, "use")), go: () => {
      const point = data.places.points[at];
      map.setView([point[1], point[0]], 17, { animate: false });
      L.popup(county.popupOptions()).setLatLng([point[1], point[0]]).setContent(county.sheet(data.places.columns, row, W.building, name)).openOn(map);
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

  function rankParcels() {
    const box = document.getElementById("ranking"), region = county.byKey.get("parcels");
    if (!region) { box.remove(); return; }
    const list = box.querySelector("ol");
    if (region.columns.includes("rank")) box.querySelector("summary").textContent = W.ranking_npv;
    region.rows.slice(0, 20).forEach((row, at) => {
      const item = node("li"), button = node("button", cell(region, row, "name"));
      button.type = "button";
      button.addEventListener("click", () => goTo(region, at));
      const told = ["one.pdc0_kwp", "one.npv_cny", "payback_years"].filter((key) => region.columns.includes(key)).map((key) => shown(key, cell(region, row, key)));
      item.append(button, node("span", told.join(" · ")));
      const link = (region.sheets || [])[at];
      if (link) item.append(county.sheetLink(link));
      list.append(item);
    });
  }
  function listYears() {
    const box = document.getElementById("order");
    if (!data.order.length) { box.remove(); return; }
    const list = box.querySelector("ul");
    data.order.forEach((row) => {
      const item = node("li"), text = W.order_row.replace("{buildings}", county.plain(row.buildings, 0)).replace("{mw}", county.plain(row.mw, 1)).replace("{total}", county.plain(row.total, 1));
      item.append(node("b", String(row.year)), node("span", text));
      list.append(item);
    });
  }

  startSearch();
  rankParcels();
  listYears();
  countyPrint(county);
}
