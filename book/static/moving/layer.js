/* Layers of two inputs and three outputs over a square: drag the corners of the units, choose the kind of layer, and put
 * a second layer behind the first, whose lines are pulled back through it. */
"use strict";

dendnet.moving("layer", (stage) => {
  const LOOKS = ["plum", "gold", "rose"];
  const DASHES = ["none", "9 3", "2 3"];
  const SQUARE = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
  // Weights from each signal (row) to each output (column): of post-activated units, of the others, and behind them.
  const SLANTED = [[1, -0.4, 0.9], [0.5, 1, -0.9]];
  const FIRST = [[0.9, -0.7, 0.5], [0.6, 0.9, -0.8]];
  const SECOND = [[1, -0.7, 0.4], [-0.6, 0.9, 0.8], [0.5, 0.6, -1]];
  const BIASES = [[-0.3, -0.8, -1.3], [-0.35, -0.7, -0.1], [0.25, 0.6, 0.05]];

  const flat = stage.picture({ width: 360, height: 360, label: "the cells that the layers make of their inputs" });
  const plane = stage.axes(flat, { x: [-1, 1], y: [-1, 1], xlabel: "x₁", ylabel: "x₂" });
  const within = { x: [-0.95, 0.95], y: [-0.95, 0.95] };
  const handles = [[-0.55, 0.5], [0.1, -0.2], [0.6, -0.65]].map(([x, y], j) =>
    plane.handle({ label: `corner of y${"₁₂₃"[j]}`, x, y, look: LOOKS[j], within }),
  );
  const kinds = { pre: "pre-activated", dac: "dendrite-activated", post: "post-activated" };
  const kind = stage.choice({ label: "the layer is", options: Object.entries(kinds), value: "dac" });
  const depth = stage.choice({ label: "layers", options: [["1", "one"], ["2", "two"]], value: "1" });

  const height = (map, [x, y]) => map[0] * x + map[1] * y + map[2];
  const middle = (polygon) => [0, 1].map((k) => polygon.reduce((sum, p) => sum + p[k], 0) / polygon.length);
  const plus = (map, b) => [map[0], map[1], map[2] + b];
  const combine = (maps, weights) => [0, 1, 2].map((k) => maps.reduce((sum, map, i) => sum + weights[i] * map[k], 0));
  const column = (kernel, j) => kernel.map((row) => row[j]);

  /** The parts of a polygon where a map is positive and where it is not; what is but an edge is none. */
  function halves(polygon, map) {
    const sides = [[], []];
    polygon.forEach((q, k) => {
      const p = polygon.at(k - 1);
      const [from, to] = [height(map, p), height(map, q)];
      if (from * to < 0) sides.forEach((side) => side.push(p.map((v, i) => v + (from / (from - to)) * (q[i] - v))));
      if (to >= 0) sides[0].push(q);
      if (to <= 0) sides[1].push(q);
    });
    return sides.filter((side) => side.length > 2 && side.some((p) => Math.abs(height(map, p)) > 1e-9));
  }

  /** A layer on cells whose signals are affine: cells with the outputs' maps, and the lines along which they were cut. */
  function through(cells, { kernel, bias }) {
    const lines = [];
    let knots = 0;
    const cut = (i, at, j) => {
      knots++;
      cells = cells.flatMap((cell) => {
        const map = plus(cell.signals[i], -at);
        const parts = halves(cell.polygon, map);
        if (parts.length > 1) lines.push({ j, ends: parts[0].filter((p) => Math.abs(height(map, p)) < 1e-9) });
        return parts.map((polygon) => ({ ...cell, polygon }));
      });
    };
    if (kind.value === "post") {
      const sums = (cell) => bias.map((c, j) => plus(combine(cell.signals, column(kernel, j)), c));
      cells = cells.map((cell) => ({ ...cell, signals: sums(cell) }));
      bias.forEach((_, j) => cut(j, 0, j));
      const relu = (cell) => cell.signals.map((map) => (height(map, middle(cell.polygon)) > 0 ? map : [0, 0, 0]));
      return { cells: cells.map((cell) => ({ ...cell, signals: relu(cell) })), lines, knots };
    }
    const own = (i, j) => bias[i][j] ?? bias[i]; // one for each connection, or for each signal
    kernel.forEach((row, i) => [...new Set([].concat(bias[i]))].forEach((b) => cut(i, -b, [].concat(bias[i]).indexOf(b))));
    const active = (cell, i, j) => (height(cell.signals[i], middle(cell.polygon)) + own(i, j) > 0 ? kernel[i][j] : 0);
    const outputs = (cell) => [0, 1, 2].map((j) =>
      combine(kernel.map((_, i) => plus(cell.signals[i], own(i, j))), kernel.map((_, i) => active(cell, i, j))),
    );
    return { cells: cells.map((cell) => ({ ...cell, signals: outputs(cell) })), lines, knots };
  }

  /** The layers as chosen: a corner's coordinates are its knots, or a point of its line. */
  function layers() {
    if (kind.value === "post") {
      const slanted = handles.map(({ x, y }, j) => -(SLANTED[0][j] * x + SLANTED[1][j] * y));
      return [{ kernel: SLANTED, bias: slanted }, { kernel: SECOND, bias: [-0.2, -0.3, -0.25] }];
    }
    if (kind.value === "pre")
      return [{ kernel: FIRST, bias: [-handles[0].x, -handles[0].y] }, { kernel: SECOND, bias: column(BIASES, 0) }];
    return [{ kernel: FIRST, bias: [handles.map(({ x }) => -x), handles.map(({ y }) => -y)] }, { kernel: SECOND, bias: BIASES }];
  }

  const SAYS = {
    pre: "All three units share one corner",
    dac: "Each unit has its own corner",
    post: "Each unit bends along one line, through its point",
  };

  return () => {
    handles.forEach(({ node }, j) => (node.style.display = kind.value === "pre" && j ? "none" : ""));
    const chosen = layers().slice(0, Number(depth.value));
    let cells = [{ polygon: SQUARE, signals: [[1, 0, 0], [0, 1, 0]] }];
    const drawn = chosen.map((layer) => {
      const made = through(cells, layer);
      cells = made.cells;
      return made;
    });
    plane.clear();
    cells.forEach(({ polygon }, k) => plane.polygon(polygon, "grey", 0.04 + 0.22 * (((k * 37) % 97) / 97)));
    for (const { ends } of drawn[1]?.lines ?? []) if (ends.length === 2) plane.line(ends, "ink").style.strokeWidth = 1.2;
    for (const { j, ends } of drawn[0].lines) {
      if (ends.length === 2) plane.line(ends, LOOKS[j]).style.strokeDasharray = DASHES[j];
    }
    const biases = chosen.reduce((sum, { bias }) => sum + bias.flat().length, 0);
    const weights = chosen.reduce((sum, { kernel }) => sum + kernel.flat().length, 0);
    const second = chosen.length > 1 ? " Black: the second layer's lines, pulled back through the first." : "";
    stage.tell(
      `${SAYS[kind.value]}: ${drawn[0].knots} lines.${second} ` +
        `${cells.length} cells in the square, from ${weights} weights and ${biases} biases.`,
      { kind: kind.value, layers: chosen, lines: drawn[0].knots, cells: cells.length, weights, biases },
    );
  };
});
