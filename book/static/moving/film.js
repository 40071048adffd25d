/* A training as a film: four listeners of one signal want four thresholds. Their knots part, or share one place. */
"use strict";

dendnet.moving("film", (stage) => {
  const STEPS = 300;
  const RATE = 0.3;
  const SIGNAL = Array.from({ length: 101 }, (_, k) => -1 + k / 50);
  const relu = (v) => Math.max(v, 0);
  const places = stage.axes(
    stage.picture({ width: 360, height: 290, label: "the knots, step by step" }),
    { x: [0, 1.08 * STEPS], y: [-1.2, 1.2], xlabel: "step", ylabel: "knot" },
  );
  const losses = stage.axes(
    stage.picture({ width: 320, height: 290, label: "the loss, step by step" }),
    { x: [0, STEPS], y: [-6, 0], xlabel: "step", ylabel: "log₁₀ of the loss" },
  );
  const wanted = [-0.6, -0.2, 0.2, 0.6].map((y, j) =>
    places.handle({
      label: `threshold that listener ${j + 1} wants`, x: 1.08 * STEPS, y, along: "y", look: "ink", within: { y: [-0.9, 0.9] },
    }));
  const step = stage.slider({ label: "step", min: 0, max: STEPS, step: 5, value: STEPS });
  const start = stage.slider({ label: "all knots start at", min: -1.1, max: 1.1, step: 0.1, value: 0 });

  /** Gradient descent on the mean squared error of y_j = w_j relu(x + b_j), all w_j from 1; biases tied or not. */
  function train(thresholds, shared) {
    const m = thresholds.length;
    const [w, b, film] = [Array(m).fill(1), Array(m).fill(-start.value), []];
    for (let k = 0; k <= STEPS; k += 1) {
      const [dw, db] = [Array(m).fill(0), Array(m).fill(0)];
      let loss = 0;
      for (const x of SIGNAL)
        for (let j = 0; j < m; j += 1) {
          const [arrives, error] = [x + b[j], w[j] * relu(x + b[j]) - relu(x - thresholds[j])];
          loss += error ** 2 / (SIGNAL.length * m);
          if (arrives <= 0) continue;
          dw[j] += (2 * error * arrives) / SIGNAL.length;
          db[j] += (2 * error * w[j]) / SIGNAL.length;
        }
      film.push({ knots: b.map((each) => -each), loss });
      const mean = db.reduce((sum, each) => sum + each, 0) / m;
      for (let j = 0; j < m; j += 1) {
        w[j] -= RATE * dw[j];
        b[j] -= RATE * (shared ? mean : db[j]);
      }
    }
    return film;
  }

  /** The least loss that one knot for all can have: each knot of a fine grid, with the best weights for it. */
  function floor(thresholds) {
    let least = Infinity;
    for (let knot = -1; knot < 1; knot += 0.001) {
      const hears = SIGNAL.map((x) => relu(x - knot));
      const energy = hears.reduce((sum, r) => sum + r * r, 0);
      let loss = 0;
      for (const t of thresholds) {
        const wants = SIGNAL.map((x) => relu(x - t));
        const weight = energy && wants.reduce((sum, y, k) => sum + y * hears[k], 0) / energy;
        loss += wants.reduce((sum, y, k) => sum + (weight * hears[k] - y) ** 2, 0);
      }
      least = Math.min(least, loss / (SIGNAL.length * thresholds.length));
    }
    return least;
  }

  const power = (loss) => Math.max(Math.log10(loss), -6);
  return () => {
    const thresholds = wanted.map((handle) => handle.y);
    const films = { standard: train(thresholds, true), dac: train(thresholds, false) };
    const least = floor(thresholds);
    const now = step.value;
    places.clear();
    losses.clear();
    for (const t of thresholds) places.line([[0, t], [1.08 * STEPS, t]], "grey");
    losses.line([[0, power(least)], [STEPS, power(least)]], "grey");
    if (least > 1e-5) losses.text([STEPS, power(least) + 0.15], "floor with one knot", "end");
    for (const [look, film] of Object.entries(films)) {
      const seen = film.slice(0, now + 1).map((each, k) => [k, each]).filter(([k]) => k % 3 === 0 || k === now);
      for (const j of look === "dac" ? thresholds.keys() : [0]) {
        places.line(seen.map(([k, each]) => [k, each.knots[j]]), look);
        places.dot([now, film[now].knots[j]], look, 4);
      }
      losses.line(seen.map(([k, each]) => [k, power(each.loss)]), look);
      losses.dot([now, power(film[now].loss)], look, 4);
    }
    const [dac, standard] = [films.dac[now], films.standard[now]];
    const list = dac.knots.map((knot) => dendnet.number(knot)).join(", ");
    stage.tell(
      `After ${now} steps. DAC: knots at ${list}, loss ${dac.loss.toPrecision(2)}. ` +
        `Standard: one knot at ${dendnet.number(standard.knots[0])}, loss ${standard.loss.toPrecision(2)}, ` +
        `and never below ${least.toPrecision(2)}.`,
      { step: now, start: start.value, thresholds, floor: least, dac, standard },
    );
  };
});
