/* The map as a sheet of paper: A4 across, with title, legend, scale, north and the fields that a printed map needs; the panel follows. */
function countyPrint(county) {
  "use strict";
  const { map, state, data, W, node, byKey } = county;
  const box = map.getContainer(), panel = document.getElementById("panel");
  const head = node("header", null, "print-head"), foot = node("footer", null, "print-foot");
  const north = node("div", "▲", "print-north");
  north.append(node("b", W.north));
  box.append(north);
  document.body.prepend(head, box, foot);
  const details = () => [...box.querySelectorAll("details.legend"), ...panel.querySelectorAll("details")];
  const { retina } = L.Browser;
  let seen = null;

  function caption() {
    const measure = state.theme && state.measure ? data.fields[state.measure].title : "", region = byKey.get(state.theme);
    const colours = { specific_yield: W.by_yield, data_tier: W.by_tier, roadmap_year: W.by_year };
    const shown = county.roofsShown() ? [W.roofs, colours[state.roofColour]] : [measure, region && (region.key === "grid" ? W.grid_short : region.title)];
    const what = shown.filter(Boolean).join(" · ");
    head.replaceChildren(
      node("h1", panel.querySelector("h1").textContent), node("p", [W.county_map, what].filter(Boolean).join(" · ")), node("b", W.internal));
    const loud = [...panel.querySelectorAll(".loud")].map((line) => line.textContent.trim()).join(" ");
    foot.replaceChildren(node("span", panel.querySelector(".asof").textContent), node("span", loud), node("span", W.print_note));
  }
  const toPaper = () => { if (!seen) withoutClearing(layOut); };
  function layOut() {
    caption();
    seen = { bounds: map.getBounds(), open: details().map((part) => [part, part.open]) };
    details().forEach((part) => { part.open = true; });
    L.Browser.retina = true;  /* paper is finer than a screen */
    document.documentElement.classList.add("paper");
    /* The whole county is fitted anew; a part of it keeps its scale, so that the roofs which are drawn stay drawn. */
    map.invalidateSize({ animate: false });
    if (seen.bounds.contains(data.bounds)) map.fitBounds(data.bounds, { animate: false, paddingTopLeft: [14, 14], paddingBottomRight: [county.besideLegend(14), 30] });
    county.drawLabels();
  }
  /* Chromium plays on paper again how a canvas was drawn in this moment, and its clearing would wipe what lies under it: a new size empties a canvas without. */
  function withoutClearing(draw) {
    const canvas = L.Canvas.prototype, plain = CanvasRenderingContext2D.prototype, { _clear, _update } = canvas, { clearRect } = plain;
    canvas._clear = () => {};
    canvas._update = function () { this._container.width = 0; _update.call(this); };
    plain.clearRect = function () { const { width } = this.canvas; this.canvas.width = 0; this.canvas.width = width; };
    try { draw(); } finally { Object.assign(canvas, { _clear, _update }); plain.clearRect = clearRect; }
  }
  function toScreen() {
    if (!seen) return;
    document.documentElement.classList.remove("paper");
    L.Browser.retina = retina;
    seen.open.forEach(([part, open]) => { part.open = open; });
    map.invalidateSize({ animate: false });
    if (seen.bounds.contains(data.bounds)) map.fitBounds(data.bounds, county.screenPadding());
    seen = null;
  }
  /* What tiles are still missing has a moment to come. */
  document.getElementById("print").addEventListener("click", () => { toPaper(); window.setTimeout(() => window.print(), 500); });
  window.addEventListener("beforeprint", toPaper);
  window.addEventListener("afterprint", toScreen);
}
