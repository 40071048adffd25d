/* What a training step of one convolution of 32 x 32 pixels costs, standard and DAC: counted, and as recorded. */
"use strict";

dendnet.data("data/layers.js", () => dendnet.moving("cost", (stage) => {
  const SIDE = 32;
  const SIZES = [1, 2, 3, 4, 5, 6, 7];
  const curve = stage.picture({ width: 360, height: 310, label: "growth over the kernel's size" });
  const plane = stage.axes(curve, {
    x: [0.5, 7.5], y: [0.9, 2.1], xlabel: "kernel size k", ylabel: "times the standard layer",
  });
  const bars = stage.picture({ width: 360, height: 310, label: "a training step, standard and DAC" });
  const within = { x: [1, 7] };
  const kernel = plane.handle({ label: "kernel size k", x: 3, y: 1, step: 1, along: "x", look: "plum", within });
  const choice = (label, values, value) => stage.choice({ label, options: values.map((v) => [v, v]), value });
  const stride = choice("stride", ["1", "2"], "1");
  const channels = choice("channels", ["16", "64"], "64");
  const batch = choice("images", ["4", "16"], "16");
  const devices = Object.keys(dendnet.layers);
  const device = choice("device", devices, devices[0]);
  let last = kernel.x;

  /** Parameters, operations forward and of a step, bytes kept as native and fused do, and as the definition does. */
  function cost(k, s, c, n, dac) {
    const places = (SIDE / s) ** 2;
    const biases = dac ? c * c : c;
    const seen = k >= s ? SIDE ** 2 : places * k ** 2; // pixels that any tap looks at
    const [products, activations] = [2 * k ** 2 * c * c * places, 2 * biases * seen];
    const input = n * SIDE ** 2 * c;
    return {
      parameters: k ** 2 * c * c + biases,
      forward: n * (products + activations),
      step: n * (3 * products + 2 * activations),
      kept: 4 * input,
      // Every activation, its weighed copies and three more in the gradient.
      defined: 4 * (input + n * (4 * SIDE ** 2 * biases + (products / 2))),
    };
  }

  /** Milliseconds of a step, standard and DAC: as timed, or what the speed of each recorded network makes of the operations. */
  function times(k, pair) {
    const found = dendnet.layers[device.value];
    if (found.timed) return found.timed[[k, stride.value, channels.value, batch.value]].map((ms) => [ms]);
    return found.speeds.map((speeds, i) => speeds.map((teraflops) => pair[i].step / teraflops / 1e9));
  }

  const many = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3, notation: "compact" });
  const short = (value) => value.toLocaleString("en", { maximumSignificantDigits: 2 });
  /** Values from the least to the most, each once. */
  const range = (values, show) => [...new Set(values.toSorted((a, b) => a - b).map(show))].join("–");

  /** A pair of bars; a range is a full bar to its low end and a paler one to its high end. */
  function row(top, name, ranges, said) {
    const scale = 330 / Math.max(...ranges.flat());
    dendnet.shape(bars, "text", { x: 15, y: top }, name);
    dendnet.shape(bars, "text", { x: 345, y: top, "text-anchor": "end" }, said);
    ["standard", "dac"].forEach((look, i) => {
      const at = { x: 15, y: top + 7 + 17 * i, height: 13, class: `moving-fill moving-${look}` };
      const [low, high] = [Math.min, Math.max].map((end) => Math.max(1, scale * end(...ranges[i])));
      if (high > low) dendnet.shape(bars, "rect", { ...at, width: high, "fill-opacity": 0.4 });
      dendnet.shape(bars, "rect", { ...at, width: low });
    });
  }

  return () => {
    if (kernel.x % 2 === 0) kernel.x += kernel.x > last ? 1 : -1; // odd sizes were timed
    last = kernel.x;
    const [k, s, c, n] = [last, ...[stride, channels, batch].map((each) => Number(each.value))];
    const pair = (size) => [cost(size, s, c, n, false), cost(size, s, c, n, true)];
    const growth = (name) => SIZES.map((size) => [size, pair(size)[1][name] / pair(size)[0][name]]);
    plane.clear();
    plane.line([[0.5, 1], [7.5, 1]], "grey");
    const looks = [["parameters", "gold", "parameters"], ["forward", "plum", "operations, forward"], ["step", "rose", "operations, step"]];
    looks.forEach(([name, look, words], i) => {
      const line = plane.line(growth(name), look);
      const key = plane.line([[3.3, 2.02 - 0.09 * i], [3.8, 2.02 - 0.09 * i]], look);
      if (i === 0) for (const each of [line, key]) each.style.strokeWidth = 6; // seen beside another where they are alike
      plane.text([3.95, 1.995 - 0.09 * i], words);
    });
    kernel.y = growth("forward")[k - 1][1];
    kernel.place();

    const both = pair(k);
    const ms = times(k, both);
    const ratios = ms[1].map((dac, i) => dac / ms[0][i]);
    const grown = (name) => `${dendnet.number(both[1][name] / both[0][name])} times`;
    const plain = (name) => both.map((each) => [each[name]]);
    const arrow = (name, unit) => both.map((each) => many(each[name]) + unit).join(" → ");
    bars.replaceChildren();
    dendnet.shape(bars, "text", { x: 15, y: 18 }, "upper bar standard, lower bar DAC");
    row(46, "parameters", plain("parameters"), arrow("parameters", ""));
    row(112, "operations of a step", plain("step"), arrow("step", ""));
    row(178, "memory kept, bytes", plain("kept"), arrow("kept", ""));
    row(244, "time of a step", ms, `${ms.map((each) => range(each, short)).join(" → ")} ms`);
    stage.tell(
      `A ${k} × ${k} convolution at stride ${s}: ${grown("parameters")} the parameters, ${grown("step")} the operations ` +
        `of a step, the same memory, and on ${device.value.replace(", ", " with ")} ${range(ratios, (each) => dendnet.number(each))} ` +
        `times the time. Written as it is defined, it would keep ` +
        `${many(both[1].defined / both[1].kept)} times the memory.`,
      {
        kernel: k, stride: s, channels: c, batch: n, device: device.value, milliseconds: ms,
        ...Object.fromEntries(Object.keys(both[0]).map((name) => [name, both.map((each) => each[name])])),
      },
    );
  };
}));
