/* The least time of a layer on a device: its instructions and its bytes, each over what the device does in a second. */
"use strict";

dendnet.moving("fast", (stage) => {
  const ISSUE = 128; // instructions that a multiprocessor starts in a clock
  // Multiprocessors, their clock in GHz, multiply-adds and maxima of each in a clock, gigabytes in a second.
  const GPUS = {
    "V100 (7.0)": [80, 1.53, 64, 64, 900], "T4 (7.5)": [40, 1.59, 64, 64, 320], "A100 (8.0)": [108, 1.41, 64, 64, 1555],
    "A10 (8.6)": [72, 1.695, 128, 64, 600], "L4 (8.9)": [58, 2.04, 128, 64, 300], "H100 (9.0)": [132, 1.98, 128, 64, 3350],
  };
  // Samples, side of the image, kernel, channels in and out, stride; microseconds recorded, by device.
  const LAYERS = {
    "ResNet-20: 16 at 32 px": [[128, 32, 3, 16, 16, 1], { "H100 (9.0)": 94.8 }],
    "ResNet-20: 64 at 8 px": [[128, 8, 3, 64, 64, 1], { "H100 (9.0)": 114.0 }],
    "ResNet-18: 64 at 16 px": [[128, 16, 3, 64, 64, 1], { "H100 (9.0)": 178.1 }],
    "ResNet-18: 512 at 2 px": [[128, 2, 3, 512, 512, 1], { "H100 (9.0)": 636.2 }],
    "dense: 512 to 512": [[256, 1, 1, 512, 512, 1], { "H100 (9.0)": 101.9 }],
    "dense: 1024 to 1024": [[4096, 1, 1, 1024, 1024, 1], { "H100 (9.0)": 617.1 }],
  };
  const FORMS = [["each tap", "each tap its own"], ["once", "one for all taps"]];
  const pictures = ["standard layer", "dendrite-activated layer"].map((label) =>
    stage.picture({ width: 360, height: 215, label: `least times of the ${label}` }),
  );
  const named = (names) => names.map((name) => [name, name]);
  const layer = stage.choice({ label: "layer", options: named(Object.keys(LAYERS)), value: "ResNet-18: 64 at 16 px" });
  const device = stage.choice({ label: "GPU", options: named(Object.keys(GPUS)), value: "H100 (9.0)" });
  const form = stage.choice({ label: "activations", options: FORMS, value: "each tap" });
  const batch = stage.slider({ label: "batch, times", min: -7, max: 4, step: 1, value: 0, show: (e) => (e < 0 ? `1/${2 ** -e}` : String(2 ** e)) });

  /** Multiply-adds, maxima and bytes of one layer in float32. */
  function count([samples, side, k, n, m, stride], of) {
    const places = samples * Math.ceil(side / stride) ** 2;
    const terms = places * k ** 2 * n * m;
    const seen = Math.min(samples * side ** 2, places * k ** 2);
    const numbers = seen * n + places * m + k ** 2 * n * m;
    if (of === "standard") return [terms, seen * n, 4 * numbers];
    return [terms, of === "once" ? seen * n * m : terms, 4 * (numbers + n * m)];
  }

  function least(of, gpu, form) {
    const [multiprocessors, clock, adds, maxima, bandwidth] = GPUS[gpu];
    const [multiplied, filtered, bytes] = count(of, form);
    const each = multiprocessors * clock * 1e9;
    return {
      memory: bytes / (1e9 * bandwidth), "multiply-adds": multiplied / (adds * each),
      maxima: filtered / (maxima * each), issue: (multiplied + filtered) / (ISSUE * each),
    };
  }

  const shown = (seconds) => {
    const micro = 1e6 * seconds;
    return micro < 1000 ? `${Number(micro.toPrecision(2))} µs` : `${Number((micro / 1000).toPrecision(2))} ms`;
  };

  function bars(picture, title, look, times, most) {
    picture.replaceChildren();
    dendnet.shape(picture, "text", { x: 8, y: 16 }, title);
    const { recorded: _, ...counted } = times;
    const longest = Math.max(...Object.values(counted));
    Object.entries(times).forEach(([name, seconds], i) => {
      const top = 30 + 36 * i;
      const chosen = name === "recorded" ? "plum" : seconds === longest ? look : "grey";
      dendnet.shape(picture, "text", { x: 104, y: top + 17, "text-anchor": "end" }, name);
      const width = Math.max(1, 160 * (seconds / most));
      const strength = chosen === "grey" ? 0.45 : 1;
      const bar = { x: 110, y: top, width, height: 24, class: `moving-fill moving-${chosen}`, "fill-opacity": strength };
      dendnet.shape(picture, "rect", bar);
      dendnet.shape(picture, "text", { x: 116 + width, y: top + 17 }, shown(seconds));
    });
  }

  return () => {
    const [shape, times] = LAYERS[layer.value];
    const of = [shape[0] * 2 ** batch.value, ...shape.slice(1)];
    const [standard, unit] = ["standard", form.value].map((each) => least(of, device.value, each));
    const bound = Math.max(...Object.values(unit));
    const own = Math.max(...Object.values(standard));
    const limit = Object.keys(unit).find((name) => unit[name] === bound);
    const micro = batch.value === 0 ? times[device.value] : undefined;
    const recorded = micro === undefined ? null : micro * 1e-6;
    const most = Math.max(own, bound, recorded ?? 0);
    bars(pictures[0], "standard layer", "standard", standard, most);
    bars(pictures[1], "dendrite-activated layer", "dac", recorded ? { ...unit, recorded } : unit, most);
    const reached = recorded ? ` Recorded on an H100: ${shown(recorded)}, ${dendnet.number(recorded / bound, 1)} times this bound.` : "";
    stage.tell(
      `Batch ${of[0]}. The longest part on ${device.value}: ${limit === "issue" ? "starting instructions" : limit}. At least ${shown(bound)}, ` +
        `${dendnet.number(bound / own)} times the standard layer's ${shown(own)}.${reached}`,
      { layer: layer.value, device: device.value, form: form.value, samples: of[0], standard, unit, bound, ratio: bound / own, recorded },
    );
  };
});
