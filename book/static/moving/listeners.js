/* One signal and three listeners: which connections hear it, and which of them learn from it. The mask made visible. */
"use strict";

dendnet.moving("listeners", (stage) => {
  const LOOKS = ["plum", "gold", "rose"];
  const NAMES = ["₁", "₂", "₃"];
  const picture = stage.picture({ width: 350, height: 290, label: "which listeners hear the signal" });
  const rows = stage.axes(picture, { x: [-2, 2], y: [0, 3], xlabel: "signal x", box: [16, 30, 240, 236] });
  const graph = stage.axes(
    stage.picture({ width: 340, height: 290, label: "what each listener makes of every signal" }),
    { x: [-2, 2], y: [-4, 4], xlabel: "signal x", ylabel: "y" },
  );
  const signal = rows.handle({ label: "signal x", x: 0.6, y: 0, along: "x", look: "ink" });
  const knots = [-1, 0, 1].map((x, j) =>
    rows.handle({ label: `knot of listener ${j + 1}`, x, y: 2.5 - j, along: "x", look: LOOKS[j] }));
  const weights = [1, -1.5, 2].map((value, j) =>
    stage.slider({ label: `weight w${NAMES[j]}`, min: -2, max: 2, step: 0.1, value }));
  const biases = stage.choice({
    label: "biases",
    options: [["own", "one per connection"], ["shared", "one for all (standard)"]],
    value: "own",
  });
  let before = knots.map((knot) => knot.x);

  /** With one bias for all, every knot follows the one that was moved. */
  function tie() {
    const moved = knots.find((knot, j) => knot.x !== before[j]) ?? knots[0];
    for (const knot of knots) {
      knot.x = moved.x;
      knot.place();
    }
  }

  return () => {
    if (biases.value === "shared") tie();
    before = knots.map((knot) => knot.x);
    const [x, w] = [signal.x, weights.map((weight) => weight.value)];
    const heard = knots.map((knot) => x > knot.x);
    const relu = (v) => Math.max(v, 0);
    const y = w.map((each, j) => each * relu(x - knots[j].x) + 0);
    const db = w.map((each, j) => (heard[j] ? each : 0)); // of the sum of all outputs
    const dx = db.reduce((sum, each) => sum + each, 0);
    rows.clear();
    graph.clear();
    rows.text([-2, 3.2], "heard where coloured");
    for (const [j, knot] of knots.entries()) {
      const [low, high] = [2.1 - j, 2.9 - j];
      rows.polygon([[-2, low], [2, low], [2, high], [-2, high]], "grey", 0.12);
      rows.polygon([[knot.x, low], [2, low], [2, high], [knot.x, high]], LOOKS[j], 0.45);
      rows.text([2.15, 2.55 - j], `y${NAMES[j]} = ${dendnet.number(y[j])}`);
      rows.text([2.15, 2.22 - j], `db${NAMES[j]} = ${dendnet.number(db[j])}`);
      if (heard[j]) rows.dot([x, 2.5 - j], "ink", 5);
      graph.line([[-2, 0], [knot.x, 0], [2, w[j] * (2 - knot.x)]].filter(([at]) => at >= -2), LOOKS[j]);
      graph.dot([x, y[j]], LOOKS[j], 5);
    }
    rows.line([[x, 0], [x, 3]], "ink");
    graph.line([[x, -4], [x, 4]], "grey");
    const list = (all) => all.map((j) => `y${NAMES[j]}`).join(" and ") || "nobody";
    const [on, off] = [true, false].map((is) => list([0, 1, 2].filter((j) => heard[j] === is)));
    stage.tell(
      `x = ${dendnet.number(x)} is heard by ${on}, and silent for ${off}. ` +
        `Connections that hear it learn (db is their weight), the others do not; the signal gets dx = ${dendnet.number(dx)}.`,
      { x, knots: before, w, y, mask: heard.map(Number), db, dx, biases: biases.value },
    );
  };
});
