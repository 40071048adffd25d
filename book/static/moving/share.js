/* Which part of what a first step changes is the biases': over the factor of their learning rate, for a fan-in. */
"use strict";

dendnet.moving("share", (stage) => {
  const picture = stage.picture({ width: 360, height: 280, label: "share of the biases over their learning rate's factor" });
  const plane = stage.axes(picture, {
    x: [0, 3], y: [0, 1], xlabel: "factor of the rate, as a power of 10", ylabel: "share of the biases",
  });
  const connections = stage.slider({ label: "fan-in, as a power of 2", min: 2, max: 10, step: 1, value: 6 });
  const factor = stage.slider({ label: "factor, as a power of 10", min: 0, max: 3, step: 0.1, value: 0 });
  const STEPS = Array.from({ length: 61 }, (_, k) => k / 20);
  const LOOKS = { descent: "dac", adam: "plum" };

  return () => {
    const fanIn = 2 ** connections.value;
    const equal = { descent: fanIn / 2, adam: Math.sqrt(fanIn / 2) };
    const share = (kind, power) => 10 ** power / (10 ** power + equal[kind]);
    plane.clear();
    plane.line([[0, 0.5], [3, 0.5]], "grey");
    for (const [kind, look] of Object.entries(LOOKS)) {
      plane.line(STEPS.map((power) => [power, share(kind, power)]), look);
      plane.dot([factor.value, share(kind, factor.value)], look, 5);
    }
    const percent = (kind) => `${dendnet.number(100 * share(kind, factor.value), 0)} %`;
    const times = (value) => dendnet.number(value, value < 10 ? 1 : 0);
    stage.tell(
      `Fan-in ${fanIn}, biases at ${times(10 ** factor.value)} times the learning rate: they make ${percent("descent")} of `
      + `what a first step changes under gradient descent (orange), and ${percent("adam")} under Adam (plum). Equal `
      + `shares need ${times(equal.descent)} and ${times(equal.adam)} times.`,
      { fanIn, factor: 10 ** factor.value, descent: share("descent", factor.value), adam: share("adam", factor.value) },
    );
  };
});
