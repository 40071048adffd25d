/* Figures that move in the reader's browser: no kernel, nothing from elsewhere, and a picture where there is no script.
 *
 * In a chapter a figure is a static picture,
 *
 *     :::{figure} figures/NAME.svg
 *     :name: moving-NAME
 *     :figclass: moving
 *     :alt: ...
 *     The caption, which makes the figure's point by itself.
 *     :::
 *
 * and moving/NAME.js, which is loaded where the picture stands and takes its place:
 *
 *     dendnet.moving("NAME", (stage) => {
 *       const picture = stage.picture({ width: 360, height: 300, label: "what it shows" });
 *       const plane = stage.axes(picture, { x: [-2, 2], y: [-2, 2], xlabel: "x₁", ylabel: "x₂" });
 *       const slope = stage.slider({ label: "weight w", min: -2, max: 2, step: 0.1, value: 1 });
 *       const corner = plane.handle({ label: "corner", x: 0, y: 0 });
 *       return () => {                       // draws; called at the start and after each change
 *         plane.clear();
 *         plane.line([[-2, -slope.value], [2, slope.value]], "dac");
 *         stage.tell("The slope is ...", { slope: slope.value });
 *       };
 *     });
 *
 * `tell` says in words what is seen (read aloud by screen readers) and keeps the numbers, as JSON, where tests find
 * them. Colours are names (dac, standard, wider; plum, gold, rose, ink for the rest; grey, paper), set for light and
 * dark in book.css. Everything
 * that can be dragged is reached by the tab key and moved by the arrow keys, ten times as far with shift.
 * `make moving` stores the first state of each figure as its static picture.
 */
"use strict";

(() => {
  const HOME = new URL("moving/", document.currentScript.src);
  const makers = new Map();

  const element = (tag, attributes = {}, parent = null) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (parent) parent.append(made);
    return made;
  };

  const shape = (parent, tag, attributes = {}, text = null) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== null) made.textContent = text;
    parent.append(made);
    return made;
  };

  const clamp = (value, [low, high]) => Math.min(Math.max(value, low), high);
  const rounded = (value, step) => Number((Math.round(value / step) * step).toFixed(6));
  /** A number as the text writes it: with a minus sign, not a hyphen. */
  const number = (value, digits = 2) => value.toFixed(digits).replace(/^-(0(\.0*)?)$/, "$1").replace("-", "−");

  /** Five or so round numbers in a range. */
  function ticks([low, high]) {
    const raw = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((multiple) => multiple * power >= raw * 0.999);
    const found = [];
    for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) found.push(rounded(tick, step));
    return found;
  }

  class Stage {
    constructor(figure) {
      this.root = element("div", { class: "moving-stage", role: "group" });
      const caption = figure.querySelector("figcaption");
      if (caption) {
        caption.id ||= `${figure.id}-caption`;
        this.root.setAttribute("aria-labelledby", caption.id);
      }
      this.pictures = element("div", { class: "moving-pictures" }, this.root);
      this.controls = element("div", { class: "moving-controls" }, this.root);
      this.words = element("p", { class: "moving-words", "aria-live": "polite" }, this.root);
      this.draw = () => {};
    }

    /** Draw once before the next frame, however often this is called. */
    changed() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => {
        this.waiting = false;
        this.draw();
      });
    }

    /** A drawing of so many units; it shrinks with the page, and several stand side by side where there is room. */
    picture({ width = 360, height = 300, label }) {
      const svg = shape(this.pictures, "svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label });
      svg.style.maxWidth = `${1.25 * width}px`;
      return Object.assign(svg, { size: [width, height] });
    }

    /** A slider with its name and its value; `show` writes the value. */
    slider({ label, min, max, step, value, show = (v) => number(v, Math.max(0, -Math.floor(Math.log10(step)))) }) {
      const row = element("label", { class: "moving-slider" }, this.controls);
      element("span", {}, row).textContent = label;
      const input = element("input", { type: "range", min, max, step, value }, row);
      const output = element("output", {}, row);
      const write = () => {
        output.textContent = show(Number(input.value));
        input.setAttribute("aria-valuetext", output.textContent);
      };
      write();
      input.addEventListener("input", () => (write(), this.changed()));
      return {
        get value() {
          return Number(input.value);
        },
        set value(v) {
          input.value = v;
          write();
        },
        input,
      };
    }

    /** One of several: `options` are [value, text]. */
    choice({ label, options, value }) {
      const row = element("label", { class: "moving-choice" }, this.controls);
      element("span", {}, row).textContent = label;
      const select = element("select", {}, row);
      for (const [each, text] of options) element("option", { value: each }, select).textContent = text;
      select.value = value;
      select.addEventListener("change", () => this.changed());
      return {
        get value() {
          return select.value;
        },
        set value(v) {
          select.value = v;
        },
        select,
      };
    }

    /** A button; the figure is drawn again after `press`. */
    button({ label, press }) {
      const button = element("button", { type: "button", class: "moving-button" }, this.controls);
      button.textContent = label;
      button.addEventListener("click", () => (press(), this.changed()));
      return button;
    }

    /** Say in words what is seen, and keep the numbers behind it for those who check. */
    tell(words, numbers = {}) {
      this.words.textContent = words;
      this.root.dataset.state = JSON.stringify(numbers);
    }

    /** A plane with axes in a picture, in its own coordinates; `box` is [left, top, right, bottom] in the picture's.
     *  An axis without a label has no numbers. */
    axes(picture, { x, y, xlabel = "", ylabel = "", box = null, frame = true }) {
      return new Axes(this, picture, { x, y, xlabel, ylabel, box, frame });
    }
  }

  class Axes {
    constructor(stage, picture, { x, y, xlabel, ylabel, box, frame }) {
      const [width, height] = picture.size;
      Object.assign(this, { stage, picture, x, y, box: box ?? [44, 12, width - 12, height - 40] });
      if (frame) this.#frame(xlabel, ylabel);
      this.ground = shape(picture, "g"); // what is drawn anew each time
      this.handles = shape(picture, "g");
    }

    /** The picture's coordinates of a point. */
    at([x, y]) {
      const [left, top, right, bottom] = this.box;
      return [
        left + ((x - this.x[0]) / (this.x[1] - this.x[0])) * (right - left),
        bottom - ((y - this.y[0]) / (this.y[1] - this.y[0])) * (bottom - top),
      ];
    }

    /** The point at the picture's coordinates. */
    from([across, down]) {
      const [left, top, right, bottom] = this.box;
      return [
        this.x[0] + ((across - left) / (right - left)) * (this.x[1] - this.x[0]),
        this.y[0] + ((bottom - down) / (bottom - top)) * (this.y[1] - this.y[0]),
      ];
    }

    #frame(xlabel, ylabel) {
      const [left, top, right, bottom] = this.box;
      const group = shape(this.picture, "g", { "aria-hidden": "true" });
      shape(group, "rect", { x: left, y: top, width: right - left, height: bottom - top, class: "moving-frame" });
      for (const tick of xlabel ? ticks(this.x) : []) {
        const [across] = this.at([tick, 0]);
        shape(group, "text", { x: across, y: bottom + 15, "text-anchor": "middle" }, String(tick).replace("-", "−"));
      }
      for (const tick of ylabel ? ticks(this.y) : []) {
        const [, down] = this.at([0, tick]);
        shape(group, "text", { x: left - 6, y: down + 4, "text-anchor": "end" }, String(tick).replace("-", "−"));
      }
      shape(group, "text", { x: (left + right) / 2, y: bottom + 33, "text-anchor": "middle" }, xlabel);
      const middle = (top + bottom) / 2;
      shape(group, "text", { x: 11, y: middle, "text-anchor": "middle", transform: `rotate(-90 11 ${middle})` }, ylabel);
    }

    clear() {
      this.ground.replaceChildren();
    }

    #path(points) {
      return points.map((point) => this.at(point).map((v) => v.toFixed(2)).join(",")).join(" ");
    }

    /** A line through points; `look` is a name of book.css. */
    line(points, look = "ink") {
      return shape(this.ground, "polyline", { points: this.#path(points), class: `moving-line moving-${look}` });
    }

    /** A filled polygon; `strength` from 0 to 1 is how opaque it is. */
    polygon(points, look = "grey", strength = 0.25) {
      const drawn = { points: this.#path(points), class: `moving-fill moving-${look}`, "fill-opacity": strength };
      return shape(this.ground, "polygon", drawn);
    }

    dot(point, look = "ink", radius = 4) {
      const [cx, cy] = this.at(point).map((v) => v.toFixed(2));
      return shape(this.ground, "circle", { cx, cy, r: radius, class: `moving-fill moving-${look}` });
    }

    text(point, words, anchor = "start") {
      const [x, y] = this.at(point).map((v) => v.toFixed(2));
      return shape(this.ground, "text", { x, y, "text-anchor": anchor }, words);
    }

    /** A point to drag, by mouse, finger or arrow keys; `along` is "x" or "y" where it moves on a line alone. */
    handle({ label, x, y, step = 0.05, along = null, look = "dac", within = { x: this.x, y: this.y } }) {
      const group = shape(this.handles, "g", { class: `moving-handle moving-${look}`, tabindex: 0, role: "slider" });
      shape(group, "circle", { r: 22, class: "moving-reach" });
      shape(group, "circle", { r: 8, class: "moving-grip" });
      const [axis] = along ?? "x";
      group.setAttribute("aria-label", label);
      group.setAttribute("aria-valuemin", within[axis][0]);
      group.setAttribute("aria-valuemax", within[axis][1]);
      if (along !== "x") group.setAttribute("aria-orientation", along === "y" ? "vertical" : "horizontal");
      const handle = { x, y, node: group };
      handle.move = (to) => {
        if (along !== "y") handle.x = rounded(clamp(to[0], within.x), step);
        if (along !== "x") handle.y = rounded(clamp(to[1], within.y), step);
        handle.place();
        this.stage.changed();
      };
      handle.place = () => {
        group.setAttribute("transform", `translate(${this.at([handle.x, handle.y]).map((v) => v.toFixed(2))})`);
        group.setAttribute("aria-valuenow", handle[axis]);
        const both = [`x ${number(handle.x)}`, `y ${number(handle.y)}`];
        group.setAttribute("aria-valuetext", along ? number(handle[axis]) : both.join(", "));
      };
      group.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        group.setPointerCapture(event.pointerId);
        group.focus();
      });
      group.addEventListener("pointermove", (event) => {
        if (!group.hasPointerCapture(event.pointerId)) return;
        const there = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.picture.getScreenCTM().inverse());
        handle.move(this.from([there.x, there.y]));
      });
      group.addEventListener("keydown", (event) => {
        const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
        if (!way) return;
        event.preventDefault();
        const far = step * (event.shiftKey ? 10 : 1);
        // On a line either pair of keys moves the handle, as for every slider.
        const [dx, dy] = along ? [way[0] + way[1], way[0] + way[1]] : way;
        handle.move([handle.x + dx * far, handle.y + dy * far]);
      });
      handle.place();
      return handle;
    }
  }

  function mount(figure) {
    const name = figure.id.replace(/^moving-/, "");
    const stage = new Stage(figure);
    stage.draw = makers.get(name)(stage);
    const picture = figure.querySelector("img, .drawn");
    (picture.closest("a") ?? picture).after(stage.root);
    figure.classList.add("is-moving");
    stage.draw();
  }

  const load = (path) => element("script", { src: new URL(path, HOME) }, document.head);
  const figures = () => [...document.querySelectorAll("figure.moving")];
  window.dendnet = {
    number,
    clamp,
    shape,
    /** Load a script of numbers beside the figures, then call `ready`; a page opened from disk may fetch nothing else. */
    data(path, ready) {
      load(path).addEventListener("load", ready);
    },
    /** Define a figure: `make` builds it on a stage and returns the function that draws it. */
    moving(name, make) {
      makers.set(name, make);
      figures().filter((figure) => figure.id === `moving-${name}`).forEach(mount);
    },
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const figure of figures()) load(`${figure.id.replace(/^moving-/, "")}.js`);
  });
})();
