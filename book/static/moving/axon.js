/* Dendrites on one axon, laid to match a curve: a broken line through six points, and what it misses. */
"use strict";

dendnet.moving("axon", (stage) => {
  const PIECES = 5;
  const CURVES = {
    wave: (x) => 0.9 * Math.sin(2 * Math.PI * x),
    root: (x) => Math.sqrt(x),
    bump: (x) => Math.exp(-(((x - 0.5) / 0.15) ** 2)),
  };
  const picture = stage.picture({ width: 360, height: 290, label: "a curve and a broken line" });
  const plane = stage.axes(picture, { x: [0, 1], y: [-1.2, 1.2], xlabel: "x", ylabel: "y" });
  const misses = stage.picture({ width: 360, height: 290, label: "the line's error" });
  const error = stage.axes(misses, { x: [0, 1], y: [-0.5, 0.5], xlabel: "x", ylabel: "line − curve" });
  const handles = [];
  for (let i = 0; i <= PIECES; i++) {
    const end = i === 0 || i === PIECES;
    const within = { x: end ? [i / PIECES, i / PIECES] : [0.02, 0.98], y: plane.y };
    const name = i === 0 ? "left end" : end ? "right end" : `knot ${i}`;
    handles.push(plane.handle({ label: name, x: i / PIECES, y: 0, step: 0.02, along: end ? "y" : null, within }));
  }
  const curve = stage.choice({ label: "curve", options: Object.keys(CURVES).map((name) => [name, name]), value: "wave" });
  stage.button({ label: "even knots", press: () => lay((t) => t) });
  stage.button({ label: "knots where it bends", press: () => lay(byBending(CURVES[curve.value])) });

  /** Put the points on the curve, point i at x = place(i / PIECES). */
  function lay(place) {
    handles.forEach((handle, i) => {
      handle.x = Math.round(1e4 * place(i / PIECES)) / 1e4;
      handle.y = Math.round(1e4 * CURVES[curve.value](handle.x)) / 1e4;
      handle.place();
    });
  }

  /** Places between which the square root of the curve's bending has equal shares. */
  function byBending(f) {
    const h = 1e-3;
    const grown = [[0, 0]];
    for (let x = h; x < 1 - h / 2; x += h) {
      const bending = Math.abs(f(x + h) - 2 * f(x) + f(x - h));
      grown.push([x, grown.at(-1)[1] + Math.sqrt(bending)]);
    }
    return (share) => (share === 0 ? 0 : share === 1 ? 1 : grown.find(([, sum]) => sum >= share * grown.at(-1)[1])[0]);
  }

  /** The handles from left to right, none above another. */
  function points() {
    const found = handles.map(({ x, y }) => [x, y]).sort((a, b) => a[0] - b[0]);
    for (let i = 1; i < PIECES; i++) found[i][0] = Math.max(found[i][0], found[i - 1][0] + 0.002);
    return found;
  }

  /** Knots and changes of slope of the dendrites, by the theorem: one for each bend, and none, one or two on the left. */
  function dendrites(line) {
    const slope = (i) => (line[i + 1][1] - line[i][1]) / (line[i + 1][0] - line[i][0]);
    const [value, first] = [line[0][1], slope(0)];
    const found = [];
    if (value === 0 ? first !== 0 : value * first > 0) found.push([-value / first, first]);
    else if (value !== 0) found.push([-1, value], [0, first - value]);
    for (let i = 1; i < PIECES; i++) {
      if (Math.abs(slope(i) - slope(i - 1)) > 1e-9) found.push([line[i][0], slope(i) - slope(i - 1)]);
    }
    return found;
  }

  function height(line, x) {
    const i = Math.max(0, line.slice(0, PIECES).findLastIndex((point) => point[0] <= x));
    const share = (x - line[i][0]) / (line[i + 1][0] - line[i][0]);
    return line[i][1] + share * (line[i + 1][1] - line[i][1]);
  }

  lay((t) => t);
  return () => {
    const f = CURVES[curve.value];
    const grid = Array.from({ length: 401 }, (_, i) => i / 400);
    const line = points();
    const made = dendrites(line);
    const off = grid.map((x) => [x, height(line, x) - f(x)]);
    const worst = off.reduce((a, b) => (Math.abs(b[1]) > Math.abs(a[1]) ? b : a));

    plane.clear();
    plane.line([[0, 0], [1, 0]], "grey");
    plane.line(grid.map((x) => [x, f(x)]), "standard");
    plane.line(line, "dac");
    error.clear();
    error.line([[0, 0], [1, 0]], "grey");
    error.line(off.map(([x, e]) => [x, dendnet.clamp(e, error.y)]), "dac");
    error.dot([worst[0], dendnet.clamp(worst[1], error.y)], "ink");
    const most = Math.abs(worst[1]);
    error.text([0.5, 0.42], `at most ${dendnet.number(most, 3)}`, "middle");
    const extra = made.length > PIECES ? " (one more, as the line starts against the sign of its slope)" : "";
    stage.tell(
      `${made.length} dendrites, ${2 * made.length} parameters${extra}: the line errs by at most ${dendnet.number(most, 3)}.`,
      { curve: curve.value, points: line, knots: made.map(([knot]) => knot), dendrites: made.length, error: most },
    );
  };
});
