/* A recorded training: the knots of one signal, and beside them a count or the loss with the control that learns
 * nothing. */
"use strict";

dendnet.data("data/spread.js", () => dendnet.moving("spread", (stage) => {
  const { epochs: EPOCHS, runs: RUNS } = dendnet.spread;
  const LAST = EPOCHS.length - 1;
  const MEASURES = {
    effective: { text: "effective number", range: [0.8, 4.2], ticks: { 1: "10", 2: "100", 3: "10³", 4: "10⁴" } },
    regions: { text: "linear regions", range: [0.8, 4.2], ticks: { 1: "10", 2: "100", 3: "10³", 4: "10⁴" } },
    loss: { text: "loss", range: [-5.2, 0.4], ticks: { 0: "1", "-1": "0.1", "-2": "0.01", "-3": "10⁻³", "-4": "10⁻⁴", "-5": "10⁻⁵" } },
  };
  const x = [-0.2, LAST + 0.2];
  const box = [52, 12, 348, 250];
  const picture = (label) => stage.picture({ width: 360, height: 290, label });
  const places = stage.axes(picture("the knots of one signal, epoch by epoch"), { x, y: [-1, 1], box });
  const counts = stage.axes(picture("the count or the loss, epoch by epoch"), { x, y: [0, 1], box });
  const run = stage.choice({ label: "networks", options: Object.keys(RUNS).map((name) => [name, name]), value: "two layers" });
  const kinds = Object.entries(MEASURES).map(([name, { text }]) => [name, text]);
  const measure = stage.choice({ label: "beside them", options: kinds, value: "effective" });
  const epoch = stage.slider({ label: "epoch", min: 0, max: LAST, step: 1, value: LAST, show: (k) => String(EPOCHS[k]) });

  /** The numbers at both axes and their names, in the picture's own coordinates. */
  function scale(axes, label, ticks) {
    const [left, top, right, bottom] = box;
    const write = (words, attributes) => dendnet.shape(axes.ground, "text", { "text-anchor": "middle", ...attributes }, words);
    EPOCHS.forEach((each, k) => write(each, { x: axes.at([k, 0])[0], y: bottom + 16 }));
    for (const [at, words] of Object.entries(ticks))
      write(words, { x: left - 6, y: axes.at([0, Number(at)])[1] + 4, "text-anchor": "end" });
    write("epoch", { x: (left + right) / 2, y: bottom + 34 });
    const middle = (top + bottom) / 2;
    write(label, { x: 10, y: middle, transform: `rotate(-90 10 ${middle})` });
  }

  const band = (axes, low, high, look) =>
    axes.polygon([...low.map((v, k) => [k, v]), ...high.map((v, k) => [k, v]).reverse()], look, 0.22);
  const written = (value, name) => (name === "loss" ? value.toFixed(4) : Math.round(value).toLocaleString("en"));

  return () => {
    const now = epoch.value;
    const shown = RUNS[run.value];
    const name = measure.value;
    const { text, range, ticks } = MEASURES[name];
    places.clear();
    counts.clear();

    const reach = shown.signal.map(([low, high]) => Math.max(-low, high));
    const far = Math.ceil(2 * Math.max(...reach, ...shown.knots.flat().map(Math.abs)) + 0.2) / 2;
    places.y = [-far, far];
    const marks = [-far, 0, far].map((v) => [v, String(v).replace("-", "−")]);
    scale(places, "knots of one signal", Object.fromEntries(marks));
    band(places, shown.signal.map(([low]) => low), shown.signal.map(([, high]) => high), "grey");
    for (let j = 0; j < shown.knots[0].length; j += 1) {
      places.line(shown.knots.slice(0, now + 1).map((each, k) => [k, each[j]]), "dac");
      places.dot([now, shown.knots[now][j]], "dac", 3);
    }

    counts.y = range;
    scale(counts, `${text}, log scale`, ticks);
    const log = (values) => values.map((v) => Math.log10(v));
    const [least, middle, most] = log(shown.noise[name]);
    counts.polygon([[x[0], least], [x[1], least], [x[1], most], [x[0], most]], "grey", 0.35);
    counts.line([[x[0], middle], [x[1], middle]], "grey");
    for (const look of ["standard", "dac"]) {
      if (!shown[look]) continue;
      const [low, line, high] = shown[look][name].map((values) => log(values.slice(0, now + 1)));
      band(counts, low, high, look);
      counts.line(line.map((v, k) => [k, v]), look);
      counts.dot([now, line[now]], look, 4);
    }
    const [low, high] = shown.signal[now];
    const outside = shown.knots[now].filter((knot) => knot < low || knot > high).length;
    const value = (look) => written(shown[look][name][1][now], name);
    const twin = shown.standard ? `, standard twin ${value("standard")}` : "";
    const control = `untrained with random biases ${written(shown.noise[name][1], name)}`;
    const beyond = outside
      ? `${outside} of ${shown.knots[now].length} knots lie beyond the signal's range`
      : "All knots lie within the signal's range";
    stage.tell(`Epoch ${EPOCHS[now]}, ${text}: DAC ${value("dac")}${twin}; ${control}. ${beyond}.`, {
      epoch: EPOCHS[now], run: run.value, measure: name, knots: shown.knots[now], signal: shown.signal[now], outside,
      dac: shown.dac[name].map((values) => values[now]), noise: shown.noise[name],
      standard: shown.standard?.[name].map((values) => values[now]) ?? null,
    });
  };
}));
