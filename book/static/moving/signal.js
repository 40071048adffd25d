/* One signal and two listeners: cut once for both, or by each for itself. What passes a rectifier is what lies above −b. */
"use strict";

dendnet.moving("signal", (stage) => {
  const SAMPLES = Array.from({ length: 121 }, (_, k) => k / 120);
  const signal = (t) => 0.55 * Math.sin(2 * Math.PI * (2 * t - 0.15)) - 0.4 * Math.cos(2 * Math.PI * (t + 0.15));
  const SPAN = 2.2; // of a strip's height, so that a signal is as high in all of them
  const SENDER = [30, 84, 120, 154];
  const LISTENERS = [[178, 38, 268, 108], [178, 132, 268, 202]];

  const unit = (look, title, lowest) => {
    const picture = stage.picture({ width: 300, height: 210, label: title });
    dendnet.shape(picture, "text", { x: 150, y: 14, "text-anchor": "middle" }, title);
    for (const [left, top, , bottom] of LISTENERS) {
      const [from, to] = [(SENDER[1] + SENDER[3]) / 2, (top + bottom) / 2];
      const d = `M${SENDER[2]} ${from} C${SENDER[2] + 36} ${from} ${left - 36} ${to} ${left} ${to}`;
      dendnet.shape(picture, "path", { d, class: `moving-line moving-${look} moving-strong` });
    }
    return [SENDER, ...LISTENERS].map((box, k) =>
      stage.axes(picture, { x: [0, 1], y: [lowest[k], lowest[k] + SPAN], box, frame: false }));
  };
  const strips = {
    standard: unit("standard", "standard: rectified once, and shared", [-1.1, -0.1, -0.1]),
    dac: unit("ink", "dendrite-activated: each rectifies for itself", [-1.1, -1.1, -1.1]),
  };
  const filter = (strip, name, x, y, look) =>
    strip.handle({ label: `knot at minus ${name}`, x, y, along: "y", look, within: { y: [-1, 1] } });
  const shared = filter(strips.standard[0], "b", 0, 0.1, "standard");
  const own = [filter(strips.dac[1], "b₁", 1, -0.4, "dac"), filter(strips.dac[2], "b₂", 1, 0.4, "dac")];
  const sample = stage.slider({ label: "sample", min: 0, max: 1, step: 0.01, value: 0.7 });

  const relu = (v) => Math.max(v, 0);
  function ground(strip) {
    strip.clear();
    const [low, high] = strip.y;
    strip.polygon([[0, low], [1, low], [1, high], [0, high]], "grey", 0.1);
  }
  /** What of a curve lies above a level. */
  function above(strip, of, level, look) {
    strip.polygon([[0, level], ...SAMPLES.map((t) => [t, Math.max(of(t), level)]), [1, level]], look, 0.5);
  }
  const curve = (strip, of) => strip.line(SAMPLES.map((t) => [t, of(t)]), "ink");
  function threshold(strip, handle, name, look) {
    strip.line([[0, handle.y], [1, handle.y]], `${look} moving-strong`);
    strip.text([handle.x + (handle.x ? 0.12 : -0.12), handle.y + 0.2], `−${name}`, handle.x ? "start" : "end");
  }
  function mark(strip, height, look, name, value) {
    const t = sample.value;
    strip.line([[t, strip.y[0]], [t, strip.y[1]]], "grey");
    strip.dot([t, height], look, 4);
    strip.text([0, strip.y[1] + 0.1], `${name} = ${dendnet.number(value)}`);
  }

  return () => {
    const [x, b, biases] = [signal(sample.value), -shared.y, own.map((handle) => -handle.y)];
    const [once, each] = [relu(x + b), biases.map((bias) => relu(x + bias))];
    Object.values(strips).flat().forEach(ground);
    above(strips.standard[0], signal, -b, "standard");
    for (const [sender] of Object.values(strips)) {
      curve(sender, signal);
      mark(sender, x, "ink", "x", x);
    }
    threshold(strips.standard[0], shared, "b", "standard");
    for (const [j, name] of ["₁", "₂"].entries()) {
      const [receives, filters] = [strips.standard[j + 1], strips.dac[j + 1]];
      above(receives, (t) => relu(signal(t) + b), 0, "standard");
      mark(receives, once, "standard", `y${name}`, once);
      above(filters, signal, -biases[j], "dac");
      curve(filters, signal);
      threshold(filters, own[j], `b${name}`, "dac");
      mark(filters, x, "dac", `y${name}`, each[j]);
    }
    const [now, shown, first, second] = [x, once, ...each].map((v) => dendnet.number(v));
    const words = `At the marked sample, x = ${now}. Standard: y₁ = y₂ = ${shown}. Dendrite-activated: y₁ = ${first}, y₂ = ${second}.`;
    stage.tell(
      words.replaceAll(" = ", "\u00a0=\u00a0"), // an equation on one line
      { sample: sample.value, x, b, biases, standard: once, dac: each },
    );
  };
});
