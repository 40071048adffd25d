/* A neuron with two branches of two synapses each: which of the sixteen patterns makes it fire, and how its voltage runs.
 * The equations, the numbers and Euler's method are the chapter's own. */
"use strict";

dendnet.moving("cell", (stage) => {
  const [SOMA, SOMA_LEAK] = [180, 9]; // pF, nS
  const [BRANCH, BRANCH_LEAK, COUPLING] = [20, 2, 4]; // pF, nS, nS
  const [PULL, THRESHOLD, HOLD] = [70, 15, 2]; // mV, mV, ms
  const [STEP, SHOWN, WHOLE] = [0.05, 150, 500]; // ms
  const SPIKE = 40; // mV, as high as a spike is drawn
  const LETTERS = ["A", "B", "C", "D"];
  const on = new Set(["A", "C"]);

  function conductance(u, D, kind, synapse) {
    if (kind === "passive") return synapse * u;
    return synapse * u * (0.35 + 2.1 / (1 + Math.exp(-(D - 40) / 3)));
  }

  /** Spikes of a neuron with u[d] active synapses on branch d, the soma's voltage in time, and the branches' highest. */
  function simulate(u, kind, synapse) {
    let [V, D, highest, held, spikes] = [0, [0, 0], [0, 0], 0, 0];
    const course = [];
    for (let step = 0; step < Math.round(WHOLE / STEP); step++) {
      let current;
      if (kind === "point") current = (synapse / 3) * (u[0] + u[1]) * (PULL - V);
      else {
        const flow = D.map((voltage) => COUPLING * (voltage - V));
        D = D.map((voltage, d) => {
          const G = conductance(u[d], voltage, kind, synapse);
          return voltage + (STEP / BRANCH) * (-BRANCH_LEAK * voltage - flow[d] + G * (PULL - voltage));
        });
        highest = highest.map((voltage, d) => Math.max(voltage, D[d]));
        current = flow[0] + flow[1];
      }
      V += (STEP / SOMA) * (-SOMA_LEAK * V + current);
      held -= STEP;
      if (held > 0) V = 0;
      const fired = V >= THRESHOLD;
      course.push(fired ? SPIKE : V);
      if (fired) [V, held, spikes] = [0, HOLD, spikes + 1];
    }
    return { spikes, course, highest };
  }

  const upper = stage.picture({ width: 340, height: 320, label: "a neuron, its synapses and its voltage" });
  const PLACES = { A: [62, 24], B: [140, 24], C: [62, 146], D: [140, 146] };
  const WAYS = ["M30 52 L168 58 C200 60 215 70 232 80", "M30 118 L168 112 C200 110 215 100 232 90"];
  const drawing = dendnet.shape(upper, "g", { "aria-hidden": "true" });
  const keep = (parent, tag, attributes, look) =>
    dendnet.shape(parent, tag, { ...attributes, class: look.split(" ").map((name) => `moving-${name}`).join(" ") });
  for (const [x, y] of Object.values(PLACES)) keep(drawing, "path", { d: `M${x} ${y} V${y < 85 ? 54 : 116}` }, "line ink");
  const branches = WAYS.map((d) => {
    keep(drawing, "path", { d, "stroke-opacity": 0.25, "stroke-linecap": "round" }, "limb grey");
    return keep(drawing, "path", { d, "stroke-linecap": "round" }, "limb plum");
  });
  keep(drawing, "path", { d: "M264 85 H336" }, "line ink strong");
  const body = { d: "M226 85 L264 60 L264 110 Z" };
  keep(drawing, "path", body, "fill paper");
  const soma = keep(drawing, "path", body, "fill plum");
  keep(drawing, "path", body, "line ink");
  const label = (x, y, anchor = "middle") => dendnet.shape(drawing, "text", { x, y, "text-anchor": anchor });
  const volts = [label(10, 76, "start"), label(10, 104, "start")];
  label(250, 130).textContent = "soma";
  label(304, 76).textContent = "axon";
  const fired = label(304, 106);

  const synapses = Object.entries(PLACES).map(([letter, [x, y]]) => {
    const group = dendnet.shape(upper, "g", {
      class: "moving-press", tabindex: 0, role: "switch", "aria-label": `synapse ${letter}`,
    });
    keep(group, "circle", { cx: x, cy: y, r: 22 }, "reach");
    keep(group, "circle", { cx: x, cy: y, r: 14 }, "fill paper");
    const fill = keep(group, "circle", { cx: x, cy: y, r: 14 }, "fill plum");
    keep(group, "circle", { cx: x, cy: y, r: 14 }, "line ink");
    dendnet.shape(group, "text", { x, y: y + 4, "text-anchor": "middle" }, letter);
    const press = () => {
      if (!on.delete(letter)) on.add(letter);
      stage.changed();
    };
    group.addEventListener("click", press);
    group.addEventListener("keydown", (event) => {
      if (![" ", "Enter"].includes(event.key)) return;
      event.preventDefault();
      press();
    });
    return { letter, group, fill };
  });
  const trace = stage.axes(upper, {
    x: [0, SHOWN], y: [-2, 44], xlabel: "time, ms", ylabel: "soma, mV", box: [44, 186, 272, 282],
  });

  const lower = stage.picture({ width: 340, height: 320, label: "spikes for each of the sixteen patterns" });
  const ROWS = ["none", "A", "B", "AB"];
  const COLUMNS = ["none", "C", "D", "CD"];
  const [LEFT, TOP, WIDE, HIGH] = [76, 66, 64, 58];
  const words = (x, y, text, anchor = "middle") => dendnet.shape(lower, "text", { x, y, "text-anchor": anchor }, text);
  const [across, down] = [LEFT + 2 * WIDE, TOP + 2 * HIGH];
  words(across, 16, "spikes in 500 ms");
  words(across, 38, "active on branch 2");
  words(14, down, "active on branch 1").setAttribute("transform", `rotate(-90 14 ${down})`);
  COLUMNS.forEach((name, j) => words(LEFT + (j + 0.5) * WIDE, TOP - 8, name));
  ROWS.forEach((name, i) => words(LEFT - 10, TOP + (i + 0.5) * HIGH + 4, name, "end"));
  const cells = ROWS.flatMap((first, i) =>
    COLUMNS.map((second, j) => {
      const group = dendnet.shape(lower, "g", { class: "moving-press" });
      const place = { x: LEFT + j * WIDE, y: TOP + i * HIGH, width: WIDE, height: HIGH };
      const fill = keep(group, "rect", place, "fill plum");
      keep(group, "rect", place, "frame");
      const count = words(LEFT + (j + 0.5) * WIDE, TOP + (i + 0.5) * HIGH + 4, "");
      group.append(count);
      const active = `${first}${second}`.replaceAll("none", "");
      group.addEventListener("click", () => {
        on.clear();
        [...active].forEach((letter) => on.add(letter));
        stage.changed();
      });
      return { active, fill, count, u: [Math.ceil(i / 2), Math.ceil(j / 2)], place };
    }));
  const marked = keep(lower, "rect", { width: WIDE, height: HIGH }, "line ink strong");

  const branchKinds = [["point", "none: a point neuron"], ["passive", "passive"], ["active", "active"]];
  const kind = stage.choice({ label: "branches", options: branchKinds, value: "passive" });
  const strength = stage.slider({ label: "strength of a synapse, nS", min: 3, max: 9, step: 0.1, value: 6 });

  const FUNCTIONS = {
    "when two or more synapses are active": (u) => u[0] + u[1] >= 2,
    "when each branch has an active synapse": (u) => u[0] > 0 && u[1] > 0,
    "when some branch has both of its synapses active": (u) => u[0] === 2 || u[1] === 2,
  };

  return () => {
    const known = new Map();
    const run = (u) => {
      const name = u.join();
      if (!known.has(name)) known.set(name, simulate(u, kind.value, strength.value));
      return known.get(name);
    };
    const pattern = LETTERS.filter((letter) => on.has(letter)).join("");
    const now = cells.find(({ active }) => active === pattern);
    const { spikes, course, highest } = run(now.u);
    for (const { letter, group, fill } of synapses) {
      group.setAttribute("aria-checked", on.has(letter));
      fill.setAttribute("fill-opacity", on.has(letter) ? 0.4 : 0);
    }
    const point = kind.value === "point";
    branches.forEach((branch, d) => {
      branch.setAttribute("stroke-opacity", point ? 0 : highest[d] / PULL);
      volts[d].textContent = point ? "" : `${dendnet.number(highest[d], 0)} mV`;
    });
    soma.setAttribute("fill-opacity", spikes ? 0.4 : 0);
    fired.textContent = `${spikes} spikes`;
    trace.clear();
    trace.line([[0, THRESHOLD], [SHOWN, THRESHOLD]], "grey");
    trace.text([SHOWN + 3, THRESHOLD - 2], "threshold");
    const spike = (k) => course[k] === SPIKE || course[k - 1] === SPIKE;
    const points = course.slice(0, SHOWN / STEP).map((v, k) => [k * STEP, v]);
    trace.line(points.filter((_, k) => k % 10 === 0 || spike(k) || spike(k + 1)), "plum");
    const counts = cells.map(({ u }) => run(u).spikes);
    cells.forEach(({ fill, count }, k) => {
      fill.setAttribute("fill-opacity", counts[k] ? 0.35 : 0);
      count.textContent = counts[k];
    });
    marked.setAttribute("x", now.place.x);
    marked.setAttribute("y", now.place.y);
    const fires = Object.keys(FUNCTIONS).find((name) => cells.every(({ u }, k) => counts[k] > 0 === FUNCTIONS[name](u)));
    const many = counts.filter((count) => count > 0).length;
    const at = point ? "" : ` Its branches reach ${highest.map((v) => dendnet.number(v, 0)).join(" and ")} mV.`;
    stage.tell(
      `Active: ${pattern || "none"}. ${spikes} spikes in 500 ms.${at} Of the sixteen patterns this neuron fires `
        + (fires ? `exactly ${fires}.` : `for ${many}.`),
      {
        pattern, kind: kind.value, synapse: strength.value, spikes, branches: highest,
        course: course.filter((_, k) => k % 100 === 0), counts: Object.fromEntries(cells.map(({ active }, k) => [active, counts[k]])),
      },
    );
  };
});
