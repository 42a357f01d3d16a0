/* Single roofs from vector tiles, drawn on canvases. Tiles are in the web Mercator of WGS 84 whatever the map's own CRS is. */
function roofTiles(map, sources, zooms, colourOf) {
  "use strict";
  const TILE = 256, KEPT = 120;
  const kept = new Map();
  let archive = null;

  /* A served file answers ranges; the roofs inside the page stand in where it does not. */
  function opened() {
    if (archive) return archive;
    const inside = () => new pmtiles.PMTiles(sources.inside());
    if (!sources.url) archive = Promise.resolve(inside());
    else {
      const served = new pmtiles.PMTiles(new pmtiles.FetchSource(sources.url));
      archive = served.getHeader().then(() => { api.complete = true; api.whenComplete(); return served; }).catch(inside);
    }
    return archive;
  }

  /* Mapbox vector tiles: https://github.com/mapbox/vector-tile-spec */
  function valueOf(pbf) {
    const end = pbf.readVarint() + pbf.pos;
    let value = null;
    while (pbf.pos < end) {
      const tag = pbf.readVarint(), kind = tag >> 3;
      if (kind === 1) value = pbf.readString();
      else if (kind === 2) value = pbf.readFloat();
      else if (kind === 3) value = pbf.readDouble();
      else if (kind === 4) value = pbf.readVarint(true);
      else if (kind === 5) value = pbf.readVarint();
      else if (kind === 6) value = pbf.readSVarint();
      else if (kind === 7) value = pbf.readBoolean();
      else pbf.skip(tag);
    }
    return value;
  }
  function ringsOf(pbf) {
    const end = pbf.readVarint() + pbf.pos, rings = [];
    let ring = null, x = 0, y = 0, command = 1, left = 0;
    while (pbf.pos < end) {
      if (!left) { const word = pbf.readVarint(); command = word & 7; left = word >> 3; if (!left) continue; }
      left -= 1;
      if (command === 7) continue;
      x += pbf.readSVarint(); y += pbf.readSVarint();
      if (command === 1) rings.push((ring = []));
      ring.push(x, y);
    }
    return rings;
  }
  function featureOf(pbf, keys, values, extent) {
    const end = pbf.readVarint() + pbf.pos, found = { values: {}, rings: [], extent };
    while (pbf.pos < end) {
      const tag = pbf.readVarint();
      if (tag === 18) {
        const last = pbf.readVarint() + pbf.pos;
        while (pbf.pos < last) { const key = keys[pbf.readVarint()]; found.values[key] = values[pbf.readVarint()]; }
      } else if (tag === 34) found.rings = ringsOf(pbf);
      else pbf.skip(tag);
    }
    let west = Infinity, north = Infinity, east = -Infinity, south = -Infinity;
    found.rings.forEach((ring) => {
      for (let i = 0; i < ring.length; i += 2) {
        west = Math.min(west, ring[i]); east = Math.max(east, ring[i]);
        north = Math.min(north, ring[i + 1]); south = Math.max(south, ring[i + 1]);
      }
    });
    found.box = [west, north, east, south];
    return found;
  }
  function featuresOf(bytes) {
    const pbf = new Pbf.PbfReader(bytes), found = [];
    while (pbf.pos < pbf.length) {
      const tag = pbf.readVarint();
      if (tag !== 26) { pbf.skip(tag); continue; }
      const end = pbf.readVarint() + pbf.pos, keys = [], values = [], places = [];
      let extent = 4096;
      while (pbf.pos < end) {
        const part = pbf.readVarint();
        if (part === 18) { places.push(pbf.pos); pbf.skip(part); }
        else if (part === 26) keys.push(pbf.readString());
        else if (part === 34) values.push(valueOf(pbf));
        else if (part === 40) extent = pbf.readVarint();
        else pbf.skip(part);
      }
      places.forEach((place) => { pbf.pos = place; found.push(featureOf(pbf, keys, values, extent)); });
      pbf.pos = end;
    }
    return found;
  }

  function load(zoom, x, y) {
    const key = `${zoom}/${x}/${y}`;
    let entry = kept.get(key);
    if (entry) { kept.delete(key); kept.set(key, entry); return entry.ready; }
    entry = { features: null };
    entry.ready = opened().then((tiles) => tiles.getZxy(zoom, x, y)).then((tile) => {
      entry.features = tile ? featuresOf(new Uint8Array(tile.data)) : [];
      return entry.features;
    });
    kept.set(key, entry);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value);
    return entry.ready;
  }
  const deepest = (zoom) => Math.max(zooms[0], Math.min(Math.round(zoom), zooms[1]));

  function draw(context, features, left, top, side) {
    context.save();
    context.beginPath(); context.rect(left, top, side, side); context.clip();
    context.lineWidth = 0.6; context.strokeStyle = "#3d4442";
    features.forEach((feature) => {
      const scale = side / feature.extent, box = feature.box;
      if (left + box[2] * scale < 0 || left + box[0] * scale > TILE || top + box[3] * scale < 0 || top + box[1] * scale > TILE) return;
      const fill = colourOf(feature.values);
      if (!fill) return;
      context.beginPath();
      feature.rings.forEach((ring) => {
        for (let i = 0; i < ring.length; i += 2) {
          const x = left + ring[i] * scale, y = top + ring[i + 1] * scale;
          if (i) context.lineTo(x, y); else context.moveTo(x, y);
        }
        context.closePath();
      });
      context.fillStyle = fill;
      context.fill("evenodd");
      context.stroke();
    });
    context.restore();
  }

  const Layer = L.GridLayer.extend({
    createTile(coords, done) {
      const canvas = L.DomUtil.create("canvas", "leaflet-tile"), ratio = Math.min(window.devicePixelRatio || 1, 2);
      canvas.width = canvas.height = TILE * ratio;
      const context = canvas.getContext("2d");
      context.scale(ratio, ratio);
      const zoom = deepest(coords.z), side = TILE * 2 ** (coords.z - zoom);
      /* Where the map is in GCJ-02 its pixels differ from those of the tiles by a shift that hardly changes within a tile. */
      const middle = L.point((coords.x + 0.5) * TILE, (coords.y + 0.5) * TILE);
      const shift = middle.subtract(L.CRS.EPSG3857.latLngToPoint(map.unproject(middle, coords.z), coords.z));
      const west = coords.x * TILE - shift.x, north = coords.y * TILE - shift.y, jobs = [];
      for (let x = Math.floor(west / side); x * side < west + TILE; x += 1) {
        for (let y = Math.floor(north / side); y * side < north + TILE; y += 1) {
          jobs.push(load(zoom, x, y).then((features) => draw(context, features, x * side - west, y * side - north, side)));
        }
      }
      Promise.all(jobs).then(() => { api.drawn += 1; done(null, canvas); }, (wrong) => done(wrong, canvas));
      return canvas;
    },
  });

  function inRings(rings, x, y) {
    let inside = false;
    rings.forEach((ring) => {
      for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
        if (ring[i + 1] > y !== ring[j + 1] > y && x < ((ring[j] - ring[i]) * (y - ring[i + 1])) / (ring[j + 1] - ring[i + 1]) + ring[i]) inside = !inside;
      }
    });
    return inside;
  }
  /* The roof at a place, of tiles that are drawn already. */
  function hit(at) {
    const zoom = deepest(map.getZoom()), point = L.CRS.EPSG3857.latLngToPoint(at, zoom).divideBy(TILE);
    const entry = kept.get(`${zoom}/${Math.floor(point.x)}/${Math.floor(point.y)}`);
    if (!entry || !entry.features) return null;
    const found = entry.features.filter((feature) => {
      const x = (point.x - Math.floor(point.x)) * feature.extent, y = (point.y - Math.floor(point.y)) * feature.extent, box = feature.box;
      return x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3] && colourOf(feature.values) && inRings(feature.rings, x, y);
    });
    return found.length ? found[found.length - 1].values : null;
  }
  /* `pane` lies under the regions' canvas, which thins out where roofs are shown and goes on answering the mouse. */
  const layer = new Layer({ minZoom: zooms[0], maxZoom: 22, pane: "roofs", updateWhenZooming: false, className: "roof-tiles" });
  const api = { layer, hit, load, drawn: 0, complete: false, whenComplete: () => {} };
  return api;
}

/* Bytes that the page carries as base64, for PMTiles. */
function insideSource(id) {
  "use strict";
  let bytes = null;
  return {
    getKey: () => id,
    getBytes: async (offset, length) => {
      if (!bytes) bytes = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (letter) => letter.charCodeAt(0));
      return { data: bytes.slice(offset, offset + length).buffer };
    },
  };
}
