/* A dendrite-activated and a standard post-activated unit of two inputs, with the same weights, over a square. */
"use strict";

dendnet.moving("plane", (stage) => {
  const SQUARE = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
  const LEVELS = Array.from({ length: 41 }, (_, k) => 0.4 * (k - 20));

  const make = (name) => {
    const flat = stage.picture({ width: 330, height: 330, label: `${name} unit over the plane` });
    return stage.axes(flat, { x: [-1, 1], y: [-1, 1], xlabel: "x₁", ylabel: "x₂" });
  };
  const raise = (name) => {
    const raised = stage.picture({ width: 330, height: 280, label: `surface of the ${name} unit` });
    return stage.axes(raised, { x: [-1.3, 1.3], y: [-1.1, 1.9], frame: false, box: [10, 10, 320, 270] });
  };
  const names = { dac: "dendrite-activated", standard: "standard" };
  const planes = { dac: make(names.dac), standard: make(names.standard) };
  const surfaces = { dac: raise(names.dac), standard: raise(names.standard) };

  const corner = planes.dac.handle({ label: "corner", x: -0.3, y: 0.2, within: { x: [-0.95, 0.95], y: [-0.95, 0.95] } });
  const line = planes.standard.handle({ label: "a point of the line", x: -0.1, y: -0.1, look: "standard" });
  const weight = { min: -1.5, max: 1.5, step: 0.1 };
  const w = [stage.slider({ label: "w₁", value: 1, ...weight }), stage.slider({ label: "w₂", value: 1.4, ...weight })];
  const bias = { min: -0.95, max: 0.95, step: 0.05 };
  const b = [stage.slider({ label: "b₁", value: 0.3, ...bias }), stage.slider({ label: "b₂", value: -0.2, ...bias })];
  const c = stage.slider({ label: "c", value: 0.25, min: -2, max: 2, step: 0.05 });

  // Corner and biases say the same, and so do line and c: whichever was moved leads.
  const last = {};
  const moved = (values) => {
    const found = Object.entries(values).filter(([key, value]) => last[key] !== value).map(([key]) => key);
    Object.assign(last, values);
    return new Set(found);
  };
  const now = () => ({
    w1: w[0].value, w2: w[1].value, b1: b[0].value, b2: b[1].value, c: c.value,
    x: corner.x, y: corner.y, across: line.x, up: line.y,
  });
  function settle() {
    const which = moved(now());
    if (which.has("x")) b[0].value = -corner.x;
    else if (which.has("b1")) corner.x = -b[0].value;
    if (which.has("y")) b[1].value = -corner.y;
    else if (which.has("b2")) corner.y = -b[1].value;
    const [w1, w2] = [w[0].value, w[1].value];
    const length = w1 * w1 + w2 * w2;
    if (which.has("across") || which.has("up")) c.value = -(w1 * line.x + w2 * line.y);
    if (length > 0) { // the handle stays on the line as it turns, shifts, or meets the end of c's slider
      const height = (w1 * line.x + w2 * line.y + c.value) / length;
      line.x = dendnet.clamp(line.x - height * w1, [-1, 1]);
      line.y = dendnet.clamp(line.y - height * w2, [-1, 1]);
    }
    corner.place();
    line.place();
    moved(now());
  }

  const height = (map, [x, y]) => map[0] * x + map[1] * y + map[2];
  const cross = (p, q, from, to) => p.map((v, k) => v + (from / (from - to)) * (q[k] - v));

  /** The side of a polygon on which a map is positive, where that is more than an edge. */
  function side(polygon, map) {
    const kept = polygon.flatMap((q, k) => {
      const p = polygon.at(k - 1);
      const [from, to] = [height(map, p), height(map, q)];
      return [...(from * to < 0 ? [cross(p, q, from, to)] : []), ...(to >= 0 ? [q] : [])];
    });
    return kept.length > 2 && kept.some((p) => height(map, p) > 1e-9) ? [kept] : [];
  }

  /** Cells with their maps: each relu(bend) adds weight times bend where bend is positive. */
  function cells(relus) {
    let found = [{ polygon: SQUARE, map: [0, 0, 0] }];
    for (const { bend, weight } of relus) {
      found = found.flatMap(({ polygon, map }) => [
        ...side(polygon, bend).map((part) => ({ polygon: part, map: map.map((v, k) => v + weight * bend[k]) })),
        ...side(polygon, bend.map((v) => -v)).map((part) => ({ polygon: part, map })),
      ]);
    }
    return found.length ? found : [{ polygon: SQUARE, map: [0, 0, 0] }];
  }

  const middle = (polygon) => [0, 1].map((k) => polygon.reduce((sum, p) => sum + p[k], 0) / polygon.length);
  const lift = ([x, y], z) => [0.6 * (x - y), 0.38 * (x + y) + 0.24 * z];

  function draw(name, found, bends) {
    const plane = planes[name], surface = surfaces[name];
    plane.clear();
    surface.clear();
    for (const { polygon, map } of found) {
      const mean = height(map, middle(polygon));
      plane.polygon(polygon, mean < 0 ? "grey" : name, 0.08 + Math.min(0.5, 0.12 * Math.abs(mean)));
      for (const level of LEVELS) {
        const lowered = [map[0], map[1], map[2] - level];
        const ends = polygon.flatMap((q, k) => {
          const p = polygon.at(k - 1);
          const [from, to] = [height(lowered, p), height(lowered, q)];
          return from * to < 0 ? [cross(p, q, from, to)] : [];
        });
        if (ends.length === 2) plane.line(ends, "grey");
      }
    }
    for (const each of bends) plane.line(each, name);
    surface.line([...SQUARE, SQUARE[0]].map((p) => lift(p, 0)), "grey");
    const far = (cell) => middle(cell.polygon)[0] + middle(cell.polygon)[1];
    for (const { polygon, map } of [...found].sort((one, other) => far(other) - far(one))) {
      const raised = polygon.map((p) => lift(p, height(map, p)));
      surface.polygon(raised, "paper", 0.85);
      surface.polygon(raised, name, 0.15 + Math.min(0.5, 0.12 * Math.abs(height(map, middle(polygon)))));
      surface.line([...raised, raised[0]], "ink").style.strokeWidth = 1;
    }
    for (const [text, x, y] of [["x₁", 0, -1.3], ["x₂", -1.3, 0]]) surface.text(lift([x, y], 0), text, "middle");
    const different = new Set(found.map(({ map }) => map.map((v) => v.toFixed(6)).join())).size;
    const values = SQUARE.map((p) => height(found.find(({ polygon }) => polygon.includes(p)).map, p));
    return { cells: found.length, regions: different, values };
  }

  return () => {
    settle();
    const [w1, w2, b1, b2] = [w[0].value, w[1].value, b[0].value, b[1].value];
    const dac = cells([{ bend: [1, 0, b1], weight: w1 }, { bend: [0, 1, b2], weight: w2 }]);
    const standard = cells([{ bend: [w1, w2, c.value], weight: 1 }]);
    const across = [[[-b1, -1], [-b1, 1]], w1], up = [[[-1, -b2], [1, -b2]], w2];
    const bends = [across, up].filter(([, weight]) => weight !== 0).map(([ends]) => ends);
    const on = standard.length === 2 ? standard[0].polygon.filter((p) => Math.abs(height([w1, w2, c.value], p)) < 1e-9) : [];
    const numbers = { w: [w1, w2], b: [b1, b2], c: c.value, corner: [corner.x, corner.y] };
    numbers.dac = draw("dac", dac, bends);
    numbers.standard = draw("standard", standard, on.length > 1 ? [on] : []);
    const many = ({ cells: count, regions }) =>
      `${count} cell${count > 1 ? "s" : ""}, ${regions} linear region${regions > 1 ? "s" : ""}`;
    stage.tell(
      `Dendrite-activated: corner at (${dendnet.number(corner.x)}, ${dendnet.number(corner.y)}), ${many(numbers.dac)}. ` +
        `Standard, post-activated: ${on.length > 1 ? "one line" : "no line in sight"}, ${many(numbers.standard)}.`,
      numbers,
    );
  };
});
