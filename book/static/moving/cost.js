/* What a convolution of 32 x 32 pixels costs with a bias for each pair of channels, over the same with shared ones. */
"use strict";

dendnet.moving("cost", (stage) => {
  const SIDE = 32;
  const curve = stage.picture({ width: 360, height: 290, label: "growth over the kernel's size" });
  const plane = stage.axes(curve, {
    x: [0.5, 7.5], y: [0.9, 2.1], xlabel: "kernel size k", ylabel: "times the standard layer",
  });
  const bars = stage.picture({ width: 360, height: 290, label: "operations of one image" });
  const kernel = plane.handle({ label: "kernel size k", x: 3, y: 1, step: 1, along: "x", look: "plum", within: { x: [1, 7] } });
  const channels = { min: 0, max: 10, step: 1, show: (e) => String(2 ** e) };
  const inputs = stage.slider({ label: "channels in", value: 6, ...channels });
  const outputs = stage.slider({ label: "channels out", value: 6, ...channels });
  const stride = stage.choice({ label: "stride", options: [["1", "1"], ["2", "2"], ["4", "4"]], value: "1" });

  /** Parameters, and operations: products with the kernel, and one addition and one comparison for each relu. */
  function cost(k, s, n, m, dendrites) {
    const places = (SIDE / s) ** 2;
    const seen = k >= s ? SIDE ** 2 : places * k ** 2; // pixels that any tap looks at
    const biases = dendrites ? n * m : n;
    return { parameters: k ** 2 * n * m + biases, products: 2 * k ** 2 * n * m * places, filters: 2 * biases * seen };
  }

  const flops = (each) => each.products + each.filters;
  const many = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3, notation: "compact" });

  function bar(top, name, look, each, most) {
    const scale = 240 / most;
    dendnet.shape(bars, "text", { x: 20, y: top - 8 }, `${name}: ${many(flops(each))}`);
    const at = { y: top, height: 34 };
    dendnet.shape(bars, "rect", { ...at, x: 20, width: scale * each.products, class: "moving-fill moving-grey", "fill-opacity": 0.45 });
    const width = Math.max(1, scale * each.filters);
    dendnet.shape(bars, "rect", { ...at, x: 20 + scale * each.products, width, class: `moving-fill moving-${look}` });
  }

  return () => {
    const [n, m, s, k] = [2 ** inputs.value, 2 ** outputs.value, Number(stride.value), kernel.x];
    const pair = (size) => [cost(size, s, n, m, false), cost(size, s, n, m, true)];
    const growth = (of) => [1, 2, 3, 4, 5, 6, 7].map((size) => [size, of(pair(size)[1]) / of(pair(size)[0])]);
    plane.clear();
    plane.line([[0.5, 1], [7.5, 1]], "grey");
    const [work, size] = [growth(flops), growth((each) => each.parameters)];
    plane.line(size, "gold").style.strokeWidth = 6; // seen beside the other where they are alike
    plane.line(work, "plum");
    work.forEach((point) => plane.dot(point, "plum", 3));
    plane.line([[4, 2.02], [4.5, 2.02]], "plum");
    plane.text([4.65, 1.995], "operations");
    plane.line([[4, 1.92], [4.5, 1.92]], "gold").style.strokeWidth = 6;
    plane.text([4.65, 1.895], "parameters");
    kernel.y = work[k - 1][1];
    kernel.place();

    const [standard, dac] = pair(k);
    const most = Math.max(flops(standard), flops(dac));
    bars.replaceChildren();
    bar(60, "standard", "standard", standard, most);
    bar(150, "dendrite-activated", "dac", dac, most);
    dendnet.shape(bars, "text", { x: 20, y: 215 }, "operations of one 32 × 32 image:");
    dendnet.shape(bars, "text", { x: 20, y: 233 }, "grey the products, in colour the filters");
    const [more, larger] = [flops(dac) / flops(standard), dac.parameters / standard.parameters];
    stage.tell(
      `A ${k} × ${k} convolution at stride ${s}, ${n} to ${m} channels: ` +
        `${dendnet.number(more)} times the operations, ${dendnet.number(larger)} times the parameters.`,
      {
        kernel: k, stride: s, inputs: n, outputs: m,
        flops: [flops(standard), flops(dac)], parameters: [standard.parameters, dac.parameters],
      },
    );
  };
});
