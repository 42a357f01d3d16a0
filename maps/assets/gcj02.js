/* The datum of Amap's tiles. A map whose CRS projects through it draws every overlay, kept in WGS 84, where those tiles show it.
   The shift as known by reverse engineering, nowhere official; the same terms as geo/datum.py. */
const GCJ02 = (() => {
  "use strict";
  const A = 6378245.0, EE = 0.00669342162296594323, RAD = Math.PI / 180;
  const wave = (t) => Math.sin(t * Math.PI);
  function shift(lon, lat) {
    const x = lon - 105, y = lat - 35, root = Math.sqrt(Math.abs(x));
    const waves = 20 * wave(6 * x) + 20 * wave(2 * x);
    const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
      + ((waves + 20 * wave(y) + 40 * wave(y / 3)) * 2) / 3 + ((160 * wave(y / 12) + 320 * wave(y / 30)) * 2) / 3;
    const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
      + ((waves + 20 * wave(x) + 40 * wave(x / 3)) * 2) / 3 + ((150 * wave(x / 12) + 300 * wave(x / 30)) * 2) / 3;
    const sine = Math.sin(lat * RAD), magic = 1 - EE * sine * sine;
    const meridian = (A * (1 - EE)) / (magic * Math.sqrt(magic)), parallel = (A / Math.sqrt(magic)) * Math.cos(lat * RAD);
    return [east / parallel / RAD, north / meridian / RAD];
  }
  /* Outside this rectangle the datum is not in use. */
  const inUse = (at) => at.lng >= 72.004 && at.lng <= 137.8347 && at.lat >= 0.8293 && at.lat <= 55.8271;
  function fromWgs(at) {
    if (!inUse(at)) return L.latLng(at.lat, at.lng);
    const [east, north] = shift(at.lng, at.lat);
    return L.latLng(at.lat + north, at.lng + east);
  }
  function toWgs(at) {
    if (!inUse(at)) return L.latLng(at.lat, at.lng);
    let lng = at.lng, lat = at.lat;
    for (let pass = 0; pass < 3; pass += 1) {
      const [east, north] = shift(lng, lat);
      lng = at.lng - east; lat = at.lat - north;
    }
    return L.latLng(lat, lng);
  }
  const flat = L.Projection.SphericalMercator;
  const crs = L.extend({}, L.CRS.EPSG3857, {
    code: "GCJ-02",
    projection: { project: (at) => flat.project(fromWgs(L.latLng(at))), unproject: (point) => toWgs(flat.unproject(point)), bounds: flat.bounds, R: flat.R },
  });
  return { crs, fromWgs, toWgs };
})();
