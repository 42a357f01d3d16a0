/* The card of choices and the legend on the map. */
function countyControls(county) {
  "use strict";
  const { map, state, data, W, node, plain, byKey, overlays, MARKS, wide } = county;

  const legend = L.control({ position: "bottomright" });
  legend.onAdd = () => {
    const box = node("details", null, "legend");
    box.open = wide;
    L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
    box.addEventListener("toggle", () => county.drawLabels());
    return box;
  };
  function swatch(box, colour, text) {
    const line = node("div"), sample = node("span", null, "sw");
    sample.style.background = colour;
    line.append(sample, node("span", text));
    box.append(line);
  }
  const swatches = (box, classes) => classes.edges.forEach((edge, at) => swatch(box, classes.colours[at], classes.labels[at]));
  function noteShare(box, count, total, said) {
    if (count < total) box.append(node("p", (said || W.largest_of).replace("{shown}", plain(count, 0)).replace("{all}", plain(total, 0))));
  }
  /* Colours always spread over what there is; where that differs by little a reader must know. */
  function noteAlike(box, region, field) {
    const at = region.columns.indexOf(state.measure);
    const values = at < 0 ? [] : region.rows.map((row) => row[at]).filter((value) => value !== null);
    const low = Math.min(...values), high = Math.max(...values), apart = (100 * (high - low)) / low;
    if (values.length > 1 && low > 0 && apart < 5) box.append(node("p", W.alike.replace("{share}", plain(Math.max(apart, 0.1), 1))));
  }
  const sideOf = (metres) => (metres >= 1000 ? `${metres / 1000} km` : `${metres} m`);
  function drawTheme(box, region) {
    const field = data.fields[state.measure], head = node("h4", field.title), own = [field.unit];
    const classes = state.measure === "hosting_colour" ? null : region.classes[state.measure];
    if (state.measure === "roadmap_kw") own.push(`≤ ${state.year}`);
    own.push(region.key === "grid" ? W.grid_short : region.title);
    if (region.side) own.push(sideOf(region.side));
    head.append(node("small", own.filter(Boolean).join(" · ")));
    box.append(head);
    if (classes) swatches(box, classes);
    if (state.measure === "hosting_colour") {
      Object.entries(data.hosting).forEach(([name, colour]) => swatch(box, colour, W[name]));
      region.said.forEach((line) => box.append(node("p", line)));
      box.append(node("p", W.hosting_rule));
    }
    if (classes) noteAlike(box, region, field);
    const at = region.columns.indexOf(state.measure);
    if (at >= 0 && region.rows.some((row) => row[at] === null)) swatch(box, data.noData, W.no_data);
    noteShare(box, region.rows.length, region.total);
  }
  function drawRoofs(box) {
    const far = Math.round(map.getZoom()) < data.roofs.zooms[0], key = state.roofColour, table = data.roofs;
    const head = node("h4", W.roofs + " ", far ? "screen" : "");
    head.append(node("small", key === "specific_yield" ? data.fields[key].unit : key === "data_tier" ? W.by_tier : `≤ ${state.year}`));
    box.append(head);
    if (far) { box.append(node("p", W.roofs_zoom, "screen")); return; }
    if (key === "specific_yield" && table.classes.specific_yield) swatches(box, table.classes.specific_yield);
    if (key === "data_tier") Object.entries(table.tiers).forEach(([tier, colour]) => swatch(box, colour, county.shown("data_tier", tier)));
    if (key === "roadmap_year") {
      Object.entries(table.years).filter(([year]) => Number(year) <= state.year).forEach(([year, colour]) => swatch(box, colour, year));
      swatch(box, data.noData, W.not_planned);
    }
    if (!county.roofs.complete) {
      noteShare(box, table.drawn, table.total);
      if (table.served && !location.protocol.startsWith("http")) box.append(node("p", W.roofs_all, "screen"));
    }
  }
  function drawLegend() {
    const box = legend.getContainer();
    box.replaceChildren(node("summary", W.legend));
    const region = byKey.get(state.theme);
    const close = county.roofsShown();
    if (close) drawRoofs(box);
    if (region && state.measure && !county.outlinesOnly()) drawTheme(box, region);
    overlays.filter((overlay) => state.on.has(overlay.key)).forEach((overlay) => {
      if (overlay.key === "roofs") { if (!close) drawRoofs(box); return; }
      const line = node("div");
      line.append(mark(overlay.key), node("span", overlay.title));
      box.append(line);
      if (overlay.key === "heat") box.append(node("p", W.heat_scale.replace("{side}", sideOf(byKey.get("grid").levels[0].side)).replace("{top}", county.shown("pdc0_kwp", data.heat.top))));
      const table = byKey.get(overlay.key), drawn = (county.items[overlay.key] || []).length;
      if (table) noteShare(box, table.rows.length, table.total, table.columns.includes("rank") ? W.ranked_of : "");
      else if (overlay.key === "exclusions") noteShare(box, drawn, data.excludedAreas, W.some_of);
      else if (data.places && data.places.totals[overlay.key]) noteShare(box, drawn, data.places.totals[overlay.key], W.some_of);
    });
  }
  function mark(key) {
    const round = Boolean(data.places && data.places.layers.includes(key)) || key === "best";
    const made = node("span", null, round ? "mark dot" : "mark");
    if (round) { made.style.background = MARKS[key]; made.style.border = "1px solid #2b3130"; }
    else if (key === "roofs") { made.style.border = "1px solid #3d4442"; made.style.background = "#e0cf7a"; }
    else if (key === "heat") made.style.background = "linear-gradient(90deg, #f6d8a8, #c95b2a, #7f2310)";
    else made.style.border = `2px ${key === "zones" || key === "exclusions" ? "dashed" : key === "urban" ? "dotted" : "solid"} ${MARKS[key] || "#55606a"}`;
    return made;
  }

  const card = L.control({ position: "topleft" });
  card.onAdd = () => {
    const box = node("details", null, "card");
    box.open = wide;
    box.append(node("summary", W.layers));
    const measure = select(box, "measure", W.measure, data.measures.map(({ key, known }) => [key, data.fields[key].title + (known ? "" : ` · ${W.lacking}`), known]), county.setMeasure);
    if (state.measure) measure.value = state.measure;
    slider(box);
    [["themes", W.theme], ["overlays", W.overlays]].forEach(([id, title]) => {
      const set = node("fieldset");
      set.id = id;
      set.append(node("legend", title));
      box.append(set);
    });
    if (county.roofs) {
      const choices = [["specific_yield", W.by_yield, true], ["data_tier", W.by_tier, true], ["roadmap_year", W.by_year, county.roofYears.length > 0]];
      select(box, "roof-colour", W.roof_colour, choices, county.setRoofColour);
    }
    baseMaps(box);
    L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
    box.addEventListener("toggle", () => county.drawLabels());
    return box;
  };
  function select(box, id, title, choices, act) {
    const pick = node("label", null, "pick"), made = node("select");
    made.id = id;
    choices.forEach(([key, text, able]) => {
      const option = node("option", text);
      option.value = key; option.disabled = able === false;
      made.append(option);
    });
    made.addEventListener("change", () => act(made.value));
    pick.append(node("span", title), made);
    box.append(pick);
    return made;
  }
  function slider(box) {
    const span = county.years.length ? county.years : county.roofYears;
    if (!span.length) return;
    const pick = node("label", null, "pick year"), made = node("input"), told = node("b", String(state.year));
    made.type = "range"; made.id = "year"; made.min = Math.min(...span); made.max = Math.max(...span); made.step = 1; made.value = state.year;
    made.addEventListener("input", () => { told.textContent = made.value; county.setYear(Number(made.value)); });
    const title = node("span", W.year_to + " ");
    title.append(told);
    pick.append(title, made);
    pick.hidden = true;
    box.append(pick);
  }
  function baseMaps(box) {
    const choices = [["", W.base_none, true], ...data.bases.map((base) => [base.key, base.title, true])];
    const key = node("input");
    key.id = "base-key"; key.placeholder = W.base_key; key.autocomplete = "off"; key.hidden = true;
    const take = (name) => {
      const base = data.bases.find((found) => found.key === name) || null;
      key.hidden = !(base && base.asks);
      if (base && base.asks && !key.value.trim()) { key.focus(); return; }
      county.setBase(base, key.value.trim());
    };
    const made = select(box, "base", W.base, choices, take);
    key.addEventListener("change", () => take(made.value));
    box.append(key);
  }
  function choice(box, type, key, text, checked, act, sample) {
    const label = node("label"), input = node("input");
    input.type = type; input.name = type === "radio" ? "theme" : "overlay"; input.value = key; input.checked = checked;
    input.addEventListener("change", () => act(input.checked));
    label.append(input);
    if (sample) label.append(sample);
    label.append(node("span", text));
    box.append(label);
  }
  function fill(themes) {
    const box = document.getElementById("themes"), list = document.getElementById("overlays");
    themes.forEach((region, at) => choice(box, "radio", region.key, region.title, at === 0, () => county.setTheme(region.key)));
    choice(box, "radio", "", W.theme_none, !themes.length, () => county.setTheme(null));
    overlays.slice().reverse().forEach((overlay) => choice(list, "checkbox", overlay.key, overlay.title, state.on.has(overlay.key), (on) => county.setOverlay(overlay.key, on), mark(overlay.key)));
  }
  function tick(key) {
    const input = [...document.querySelectorAll(".card fieldset input")].find((found) => found.value === key);
    if (input && !input.checked) input.click();
  }
  /* Choices that follow from others: shown without asking for them again. */
  function choose(name, key) {
    const input = [...document.querySelectorAll(`.card input[name=${name}]`)].find((found) => found.value === key);
    if (input) input.checked = true;
  }
  function sync() {
    const measure = document.getElementById("measure"), year = document.querySelector(".card .year");
    if (measure) measure.value = state.measure;
    if (year) year.hidden = state.measure !== "roadmap_kw" && state.roofColour !== "roadmap_year";
    drawLegend();
    county.drawLabels();
  }

  L.control.zoom({ position: "topright", zoomInTitle: "+", zoomOutTitle: "−" }).addTo(map);
  L.control.scale({ position: "bottomleft", imperial: false, maxWidth: 140 }).addTo(map);
  /* Whose base map it is stands on the map itself, as its licence asks. */
  const source = L.control({ position: "bottomleft" });
  source.onAdd = () => node("div", null, "base-source");
  source.addTo(map);
  function tellBase(base, wrong) {
    const box = source.getContainer();
    box.hidden = !base;
    box.replaceChildren(...(base ? [node("span", base.attribution)] : []), ...(wrong ? [node("b", wrong)] : []));
  }
  tellBase(null, "");
  legend.addTo(map);
  card.addTo(map);
  return { drawLegend, fill, tick, choose, sync, tellBase };
}
