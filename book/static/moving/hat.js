/* The hat of two dimensions, step by step: what each layer of the approximator has made for one corner of the grid. */
"use strict";

dendnet.moving("hat", (stage) => {
  const relu = Math.max.bind(null, 0);
  const top = ([x, y]) => relu(x) + relu(y - relu(x)); // max(0, x, y)
  const STEPS = [
    ["axon x₁", ([x]) => x, "A coordinate, measured from the corner. One connection carries it unchanged."],
    ["relu(x₁)", ([x]) => relu(x), "One knot on it: a fold along a line, and the larger of 0 and x₁."],
    ["max(0, x₁, x₂)", top, "A second relu compares x₂ with that: the largest of 0, x₁ and x₂. This needs a second layer."],
    ["max(0, −x₁, −x₂)", ([x, y]) => top([-x, -y]), "The same for the negatives, from the same three inputs."],
    ["1 − both", (p) => 1 - top(p) - top([-p[0], -p[1]]), "Both taken away from 1: a pyramid on six triangles, still going down for ever."],
    ["hat", (p) => relu(1 - top(p) - top([-p[0], -p[1]])), "The last relu cuts it at 0: the hat is 1 at its corner, 0 at all others."],
    ["sum of hats", null, "Nine hats with heights of their own: a surface through nine given points, flat on each triangle."],
  ];
  const HEIGHTS = [[0.2, 0.6, 0.1], [0.5, 1, 0.4], [0.9, 0.3, 0.7]];
  const hat = STEPS[5][1];
  const sum = ([x, y]) => {
    let found = 0;
    for (let i = -1; i <= 1; i++) for (let j = -1; j <= 1; j++) found += HEIGHTS[i + 1][j + 1] * hat([x - i, y - j]);
    return found;
  };
  const picture = stage.picture({ width: 370, height: 300, label: "a surface over the plane" });
  const plane = stage.axes(picture, { x: [-2.1, 2.1], y: [-1.6, 2.3], box: [6, 6, 364, 294], frame: false });
  const step = stage.slider({ label: "step", min: 1, max: STEPS.length, step: 1, value: 6, show: (v) => String(v) });
  const turn = stage.slider({ label: "turn, degrees", min: -60, max: 60, step: 5, value: 25, show: (v) => String(v).replace("-", "−") });

  /** A point over the plane as it is seen from in front and above. */
  function seen([x, y, z]) {
    const angle = (turn.value * Math.PI) / 180;
    const [across, deep] = [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
    return [across, 0.45 * deep + 0.9 * z];
  }

  return () => {
    const [name, made, words] = STEPS[step.value - 1];
    const f = made ?? sum;
    const N = 12;
    const ticks = Array.from({ length: N + 1 }, (_, i) => (-N / 2 + i) / 4); // the plane's square, from -1.5 to 1.5
    const [low, high] = [-1.5, 1.5];
    plane.clear();
    plane.polygon([[low, low], [high, low], [high, high], [low, high]].map(([x, y]) => seen([x, y, 0])), "grey", 0.12);
    for (const t of ticks) {
      plane.line(ticks.map((s) => seen([s, t, dendnet.clamp(f([s, t]), [-1.2, 1.5])])), "dac");
      plane.line(ticks.map((s) => seen([t, s, dendnet.clamp(f([t, s]), [-1.2, 1.5])])), "dac");
    }
    plane.dot(seen([0, 0, f([0, 0])]), "ink");
    plane.text([-2.05, 2.1], `${step.value}. ${name}`);
    stage.tell(`Step ${step.value}, ${name}. ${words}`, {
      step: step.value,
      turn: turn.value,
      values: ticks.map((x) => ticks.map((y) => f([x, y]))),
    });
  };
});
