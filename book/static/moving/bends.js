/* The bends of networks from 1 to m to 1: ramps that start each at a place of its own, and ramps that start together. */
"use strict";

dendnet.moving("bends", (stage) => {
  const draw = (title, label) => {
    const picture = stage.picture({ width: 360, height: 270, label });
    const plane = stage.axes(picture, { x: [-1, 17], y: [-5, 5], xlabel: "x", ylabel: "y" });
    return { title, plane };
  };
  const dac = draw("DAC", "a DAC network's output");
  const standard = draw("standard", "a standard network's output");
  const units = stage.slider({ label: "hidden units m", min: 1, max: 8, step: 1, value: 3 });
  const apart = stage.slider({ label: "distance of the starts (DAC)", min: 0, max: 1, step: 0.05, value: 1 });

  /** Unit j: its ramp starts at `start` and is cut at `cut`; its outgoing weight is 1 or -1 in turn. */
  const ramps = (m, distance) =>
    Array.from({ length: m }, (_, j) => ({
      start: 2 * j * distance,
      cut: 2 * j * distance + 1 + (1 - distance) * j,
      weight: j % 2 ? -1 : 1,
    }));

  const height = (made, x) =>
    made.reduce((sum, { start, cut, weight }) => sum + weight * Math.max(cut - start - Math.max(x - start, 0), 0), 0);

  /** The places where the slope changes, with what the units add up to there. */
  function bends(made) {
    const changes = new Map();
    for (const { start, cut, weight } of made) {
      for (const [x, change] of [[start, -weight], [cut, weight]]) {
        const place = Number(x.toFixed(6));
        changes.set(place, (changes.get(place) ?? 0) + change);
      }
    }
    return [...changes].filter(([, change]) => change !== 0).map(([x]) => x).sort((a, b) => a - b);
  }

  function show({ title, plane }, made, places, look) {
    plane.clear();
    plane.line([[-1, 0], [17, 0]], "grey");
    plane.line([-1, ...places, 17].map((x) => [x, height(made, x)]), look);
    for (const x of places) plane.dot([x, height(made, x)], look);
    plane.text([16.5, 4.1], `${title}: ${places.length} bends`, "end");
  }

  return () => {
    const m = units.value;
    const own = ramps(m, apart.value);
    // The shared start is its m + 1st bend only if the first slopes do not cancel: for even m the last unit keeps its sign.
    const shared = ramps(m, 0).map((ramp, j) => (m % 2 === 0 && j === m - 1 ? { ...ramp, weight: 1 } : ramp));
    const found = { dac: bends(own), standard: bends(shared) };
    show(dac, own, found.dac, "dac");
    show(standard, shared, found.standard, "standard");
    const many = (count) => `${count} bend${count === 1 ? "" : "s"}`;
    stage.tell(
      `${m} hidden unit${m === 1 ? "" : "s"}: DAC ${many(found.dac.length)}, at most ${2 * m}; standard ${many(found.standard.length)}, at most ${m + 1}.`,
      { m, apart: apart.value, ...found },
    );
  };
});
