/* The recorded comparisons with their t intervals, as so many seeds, this confidence and this correction have them. */
"use strict";

/** The t within which Student's distribution holds a share `level`, for whole degrees of freedom. */
dendnet.quantile = (level, freedom) => {
  // The share within t = √freedom · tan(angle) is a finite sum (Abramowitz and Stegun 26.7.3 and 26.7.4).
  const odd = freedom % 2;
  const share = (angle) => {
    let term = odd ? Math.cos(angle) : 1;
    let sum = 0;
    for (let power = odd; power <= freedom - 2; power += 2) {
      sum += term;
      term *= (Math.cos(angle) ** 2 * (power + 1)) / (power + 2);
    }
    return odd ? (angle + Math.sin(angle) * sum) / (Math.PI / 2) : Math.sin(angle) * sum;
  };
  let [low, high] = [0, Math.PI / 2];
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2;
    if (share(middle) < level) low = middle;
    else high = middle;
  }
  return Math.sqrt(freedom) * Math.tan(low);
};

dendnet.data("data/results.js", () => dendnet.moving("results", (stage) => {
  const AGAINST = { standard: "equal width", "standard-parameters": "equal parameters", "standard-flops": "equal FLOPs" };
  const LOOKS = { "DAC better": "dac", "standard better": "standard", "not shown": "grey" };
  const FILES = {
    cifar10: "CIFAR-10, narrow ResNet-8", cifar10_short: "CIFAR-10, ResNet-20", cifar10_deeper: "CIFAR-10, ResNet-32",
    imagenette: "Imagenette, narrow ResNet-18", imagenette_short: "Imagenette, ResNet-18",
    primary_sgemm: "SGEMM, declared", primary_cifar: "CIFAR-10 and CIFAR-100, declared",
    primary_photographs: "Imagenette and Imagewoof, declared", muon_sgemm: "SGEMM with Muon",
    primary_cifar_again: "CIFAR-10 and CIFAR-100, again",
    sgemm: "SGEMM, three widths", efficiency_sgemm: "SGEMM with Adam, four widths", sgemm_ablations: "SGEMM, variations",
  };
  const DATA = { cifar10: "CIFAR-10", cifar100: "CIFAR-100", imagenette: "Imagenette", imagewoof: "Imagewoof", sgemm: "SGEMM" };
  const names = Object.keys(dendnet.results);
  const kinds = Object.entries(AGAINST);
  const file = stage.choice({ label: "results", options: names.map((name) => [name, FILES[name] ?? name]), value: "sgemm" });
  const against = stage.choice({ label: "against", options: [["", "all"], ...kinds], value: "" });
  const seeds = stage.slider({ label: "seeds", min: 1, max: 2, step: 1, value: 1, show: String });
  const confidence = stage.slider({ label: "confidence", min: 80, max: 99, step: 1, value: 95, show: (v) => `${v} %` });
  const together = [["all", "for all together"], ["one", "none"]];
  const correction = stage.choice({ label: "correction", options: together, value: "all" });

  const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const words = (each) => [DATA[each.data] ?? each.data, ...each.network.split(" ").map((word) => word.replace("=", " "))];

  /** Mean, t and half the interval's width, of the first differences. */
  function interval(differences, level) {
    const [n, centre] = [differences.length, mean(differences)];
    if (n === 1) return { mean: centre, t: null, half: Infinity };
    const deviation = Math.sqrt(differences.reduce((sum, d) => sum + (d - centre) ** 2, 0) / (n - 1));
    const t = dendnet.quantile(level, n - 1);
    return { mean: centre, t, half: (t * deviation) / Math.sqrt(n) };
  }

  function verdict({ mean: centre, half }, measure) {
    if (Math.abs(centre) <= half) return "not shown";
    return centre > 0 === (measure === "accuracy") ? "DAC better" : "standard better";
  }

  /** What tells a comparison from the file's others. */
  function label(each, all) {
    const own = words(each).filter((word) => !all.every((other) => words(other).includes(word)));
    const varied = each.variant || (all.some((other) => other.variant) ? "nothing varied" : "");
    return [own.join(" "), varied, AGAINST[each.against]].filter(Boolean).join(", ");
  }

  /** All of a file's seeds, and of its kinds of comparison those that it has. */
  function open(all) {
    const most = Math.max(...all.map((each) => each.differences.length));
    seeds.input.max = most;
    seeds.value = most;
    for (const option of against.select.options) {
      option.disabled = option.value !== "" && !all.some((each) => each.against === option.value);
    }
    if (against.select.selectedOptions[0].disabled) against.value = "";
  }

  let opened = null;
  return () => {
    const all = dendnet.results[file.value];
    if (opened !== file.value) open(all);
    opened = file.value;
    const chosen = all.filter((each) => ["", each.against].includes(against.value));
    const accuracy = all[0].measure === "accuracy";
    const count = correction.value === "all" ? all.length : 1;
    const level = 1 - (1 - confidence.value / 100) / count;

    const every = [0, ...all.flatMap((each) => each.differences)]; // one scale for all that is chosen of a file
    const [least, most] = [Math.min(...every), Math.max(...every)];
    const x = [least - 0.2 * (most - least), most + 0.2 * (most - least)];
    stage.pictures.replaceChildren();
    const height = 54 * chosen.length + 44;
    const picture = stage.picture({ width: 330, height, label: "differences of pairs, with intervals" });
    const xlabel = `DAC − standard, ${accuracy ? "points (right" : "rmse (left"} of 0: DAC better)`;
    const plane = stage.axes(picture, { x, y: [chosen.length, 0], xlabel, box: [10, 4, 320, height - 40] });
    const aside = 0.02 * (x[1] - x[0]);
    const rows = chosen.map((each, row) => {
      const used = each.differences.slice(0, seeds.value);
      const found = { ...interval(used, level), pairs: used.length };
      found.verdict = verdict(found, each.measure);
      const look = LOOKS[found.verdict];
      const ends = [found.mean - found.half, found.mean + found.half];
      const [low, high] = ends.map((end) => dendnet.clamp(end, x));
      const [top, middle, bottom] = [row + 0.64, row + 0.79, row + 0.94];
      plane.line([[0, row], [0, row + 1]], "grey").style.strokeWidth = 1;
      plane.polygon([[low, top], [high, top], [high, bottom], [low, bottom]], look, 0.3);
      for (const [k, way] of [[0, -aside], [1, aside]]) { // an arrow where it goes on beyond the frame
        if (ends[k] !== [low, high][k]) plane.polygon([[x[k], top], [x[k] + way, middle], [x[k], bottom]], look, 1);
      }
      plane.line([[found.mean, top], [found.mean, bottom]], `${look} moving-strong`);
      each.differences.forEach((d, seed) => {
        plane.dot([d, middle], look, 2.5).setAttribute("fill-opacity", seed < used.length ? 1 : 0.2);
      });
      const digits = accuracy ? 2 : 4;
      const half = found.half === Infinity ? "∞" : dendnet.number(found.half, digits);
      const fewer = used.length < seeds.value ? ` (${used.length} seeds)` : "";
      plane.text([x[0] + aside, row + 0.27], label(each, all));
      plane.text([x[0] + aside, row + 0.53], `${dendnet.number(found.mean, digits)} ± ${half}: ${found.verdict}${fewer}`);
      return { ...found, network: each.network, variant: each.variant, against: each.against };
    });
    const shown = rows.filter((row) => row.verdict !== "not shown").length;
    stage.tell(
      `The first ${seeds.value} seeds, ${confidence.value} % ${count > 1 ? `for all ${count} comparisons together` : "for each by itself"}: ` +
        `a difference is shown in ${shown} of ${rows.length}.`,
      { file: file.value, seeds: seeds.value, level, rows },
    );
  };
}));
