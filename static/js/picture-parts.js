/* What every picture is made of: text that is measured before it is placed, panels with axes, and marks on them.
   Positions are CSS pixels from the upper left corner of the drawing. Down a panel of rows the axis counts pixels too. */
(() => {
  "use strict";

  const FONT = 13;
  const LINE = 18;
  const PAD = 8;
  const SHAPES = { baseline: "circle", attack: "rect", control: "diamond", ratio: "rect", best: "rect", difference: "rect" };
  const INKS = { baseline: "withoutModel", control: "outsiders" };
  const HOLLOW = new Set(["baseline", "control", "best"]);
  const DASHES = { solid: "solid", dashed: [5, 4], dotted: [1.5, 3.5] };

  /* The ground a drawing lies on: the first opaque background around it, since hollow marks are filled with it. */
  function groundOf(element, otherwise) {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour && colour !== "transparent" && !/, 0\)$/.test(colour)) return colour;
    }
    return otherwise;
  }

  /* The colours of the page as they are now, light or dark. */
  function inks(element) {
    const style = getComputedStyle(element);
    const token = (name) => style.getPropertyValue(`--${name}`).trim();
    return {
      text: token("text"),
      muted: token("muted"),
      edge: token("edge"),
      hairline: token("hairline"),
      limit: token("limit"),
      withModel: token("with-model"),
      withoutModel: token("without-model"),
      outsiders: token("outsiders"),
      ground: groundOf(element, token("surface")),
      family: style.fontFamily,
    };
  }

  const pen = document.createElement("canvas").getContext("2d");

  class Sheet {
    constructor(element, width) {
      this.ink = inks(element);
      this.width = width;
      this.graphic = [];
      this.grid = [];
      this.xAxis = [];
      this.yAxis = [];
      this.series = [];
    }

    font(bold) {
      return `${bold ? 600 : 400} ${FONT}px ${this.ink.family}`;
    }

    /* How wide a line of text will be, in pixels. */
    measure(text, bold = false) {
      pen.font = this.font(bold);
      return Math.ceil(pen.measureText(text).width);
    }

    widest(texts, bold = false) {
      return texts.reduce((most, text) => Math.max(most, this.measure(text, bold)), 0);
    }

    /* The text cut to `width`, with an ellipsis where something is missing: the table below has it whole. */
    cut(text, width, bold) {
      if (this.measure(text, bold) <= width) return text;
      const letters = Array.from(text);
      let [low, high] = [0, letters.length];
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (this.measure(`${letters.slice(0, middle).join("").trimEnd()}…`, bold) <= width) low = middle;
        else high = middle - 1;
      }
      return `${letters.slice(0, low).join("").trimEnd()}…`;
    }

    /* The text on at most `most` lines of `width`. */
    wrap(text, width, most = 2, bold = false) {
      const lines = [];
      let rest = text.split(/\s+/).filter(Boolean);
      while (rest.length && lines.length < most - 1) {
        let taken = 1;
        while (taken < rest.length && this.measure(rest.slice(0, taken + 1).join(" "), bold) <= width) taken += 1;
        if (this.measure(rest[0], bold) > width) break;
        lines.push(rest.slice(0, taken).join(" "));
        rest = rest.slice(taken);
      }
      if (rest.length) lines.push(this.cut(rest.join(" "), width, bold));
      return lines;
    }

    /* One line of text, its middle at height y. */
    say(x, y, text, { bold = false, ink = this.ink.text, align = "left" } = {}) {
      const style = { text, fill: ink, font: this.font(bold), align, verticalAlign: "middle" };
      this.graphic.push({ type: "text", x, y, silent: true, z: 10, style });
    }

    /* Lines below one another, the first with its middle half a line below `top`. */
    sayLines(x, top, lines, how) {
      lines.forEach((line, k) => this.say(x, top + (k + 0.5) * LINE, line, how));
    }

    /* A name and its note at the left, a number at the right: on one line where they fit, else on two, else below one another.
       `split` asks for two lines at once, so that rows of one picture look alike. Returns the new top. */
    head(top, name, note, right, { bold = false, mark = this.ink.text, split = false } = {}) {
      const gap = 12;
      const [nameWidth, noteWidth, rightWidth] = [this.measure(name, bold), this.measure(note), this.measure(right)];
      const muted = { ink: this.ink.muted };
      if (!split && nameWidth + noteWidth + rightWidth + 2 * gap <= this.width) {
        this.say(0, top + LINE / 2, name, { bold });
        this.say(nameWidth + gap, top + LINE / 2, note, muted);
        this.say(this.width, top + LINE / 2, right, { align: "right", ink: mark });
        return top + LINE;
      }
      if (nameWidth + rightWidth + gap <= this.width && noteWidth <= this.width) {
        this.say(0, top + LINE / 2, name, { bold });
        this.say(this.width, top + LINE / 2, right, { align: "right", ink: mark });
        this.say(0, top + 1.5 * LINE, note, muted);
        return top + 2 * LINE;
      }
      const names = this.wrap(name, this.width, 2, bold);
      this.sayLines(0, top, names, { bold });
      top += names.length * LINE;
      if (noteWidth + rightWidth + gap <= this.width) {
        this.say(0, top + LINE / 2, note, muted);
        this.say(this.width, top + LINE / 2, right, { align: "right", ink: mark });
        return top + LINE;
      }
      for (const [text, ink] of [[note, this.ink.muted], [right, mark]]) {
        const lines = this.wrap(text, this.width, 3);
        this.sayLines(0, top, lines, { ink });
        top += lines.length * LINE;
      }
      return top;
    }

    rule(x1, y1, x2, y2, ink = this.ink.hairline) {
      this.graphic.push({ type: "line", silent: true, z: 1, shape: { x1, y1, x2, y2 }, style: { stroke: ink, lineWidth: 1 } });
    }

    inkOf(arm) {
      return this.ink[INKS[arm] || "withModel"];
    }

    /* The shape of an arm beside its name. */
    key(arm, x, y) {
      const style = { fill: HOLLOW.has(arm) ? this.ink.ground : this.inkOf(arm), stroke: this.inkOf(arm), lineWidth: 1.5 };
      const shapes = {
        circle: { type: "circle", shape: { cx: x, cy: y, r: 4 } },
        rect: { type: "rect", shape: { x: x - 4, y: y - 4, width: 8, height: 8 } },
        diamond: { type: "polygon", shape: { points: [[x, y - 5], [x + 5, y], [x, y + 5], [x - 5, y]] } },
      };
      this.graphic.push({ ...shapes[SHAPES[arm]], silent: true, z: 10, style });
    }

    panel(where) {
      return new Panel(this, where);
    }

    option() {
      return {
        animation: false,
        aria: { enabled: false },
        backgroundColor: "transparent",
        textStyle: { fontFamily: this.ink.family, fontSize: FONT },
        graphic: { elements: this.graphic },
        grid: this.grid,
        xAxis: this.xAxis,
        yAxis: this.yAxis,
        series: this.series,
      };
    }
  }

  /* One plot. `x` and `y` are axes as ECharts takes them, already with min and max. */
  class Panel {
    constructor(sheet, { left, top, width, height, x, y }) {
      Object.assign(this, { sheet, left, top, width, height, at: sheet.grid.length });
      // The texts around a plot have measured room of their own, so ECharts must not shrink it to make some.
      sheet.grid.push({ left, top, width, height, containLabel: false, outerBoundsMode: "none" });
      sheet.xAxis.push(this.axis(x || this.pixels(width)));
      sheet.yAxis.push(this.axis(y || { ...this.pixels(height), inverse: true }));
    }

    pixels(length) {
      return { type: "value", min: 0, max: length, show: false };
    }

    /* An axis in our colours. `ticks` are values, `words` their names by value; names are left out where they would touch. */
    axis({ ticks = [], words = new Map(), name = "", gap = 28, ...rest }) {
      const { ink } = this.sheet;
      return {
        gridIndex: this.at,
        axisLine: { show: true, onZero: false, lineStyle: { color: ink.edge } },
        axisTick: { show: true, length: 4, customValues: ticks, lineStyle: { color: ink.edge } },
        minorTick: { show: false },
        splitLine: { show: false },
        axisLabel: {
          color: ink.muted,
          fontSize: FONT,
          fontFamily: ink.family,
          customValues: [...words.keys()],
          // A logarithmic axis hands a value back with rounding noise.
          formatter: (value) => words.get(Number(value.toPrecision(6))) ?? "",
          hideOverlap: false,
          showMinLabel: true,
          showMaxLabel: true,
          margin: 8,
        },
        name,
        nameLocation: "middle",
        nameGap: gap,
        nameMoveOverlap: false,
        nameTextStyle: { color: ink.muted, fontSize: FONT, fontFamily: ink.family },
        ...rest,
      };
    }

    draw(type, more) {
      const base = { type, xAxisIndex: this.at, yAxisIndex: this.at, silent: true, animation: false, clip: false };
      this.sheet.series.push({ ...base, ...more });
    }

    /* Straight pieces [[from, to], …], each end a pair of axis values, in one colour. */
    lines(pieces, ink, { width = 1, style = "solid", opacity = 1, z = 2 } = {}) {
      if (!pieces.length) return;
      const data = pieces.flatMap(([from, to]) => [from, to, ["-", "-"]]);
      const lineStyle = { color: ink, width, opacity, type: DASHES[style], cap: "butt", join: "miter" };
      this.draw("line", { data, symbol: "none", showSymbol: false, connectNulls: false, lineStyle, z });
    }

    /* Marks of one arm at pairs of axis values. */
    points(arm, data) {
      const ink = this.sheet.inkOf(arm);
      const itemStyle = { color: HOLLOW.has(arm) ? this.sheet.ink.ground : ink, borderColor: ink, borderWidth: 1.5, opacity: 1 };
      const symbolSize = { circle: 9, rect: 8, diamond: 12 }[SHAPES[arm]];
      if (data.length) this.draw("scatter", { data, symbol: SHAPES[arm], symbolSize, itemStyle, z: 5 });
    }

    /* Marks with their intervals lying along x: [{mark, y}], y in pixels below the top of the panel. */
    across(placed, clamp = (v) => v) {
      const measured = placed.filter(({ mark }) => mark.value !== null);
      for (const arm of new Set(measured.map(({ mark }) => mark.arm))) {
        const mine = measured.filter(({ mark }) => mark.arm === arm);
        const pieces = mine.flatMap(({ mark, y }) => {
          const [low, high] = [clamp(mark.low), clamp(mark.high)];
          return [[[low, y], [high, y]], [[low, y - 3.5], [low, y + 3.5]], [[high, y - 3.5], [high, y + 3.5]]];
        });
        this.lines(pieces, this.sheet.inkOf(arm), { width: 1.8, z: 4 });
        this.points(arm, mine.map(({ mark, y }) => [clamp(mark.value), y]));
      }
    }
  }

  /* The tick names that have room, the first of `ticks` first: Map(value → word). `at` says where a value lies in pixels. */
  function roomFor(sheet, ticks, at, word) {
    const taken = [];
    const kept = new Map();
    for (const tick of ticks) {
      const half = sheet.measure(word(tick)) / 2 + 5;
      const x = at(tick);
      if (taken.some(([low, high]) => x + half > low && x - half < high)) continue;
      taken.push([x - half, x + half]);
      kept.set(Number(tick.toPrecision(6)), word(tick));
    }
    return kept;
  }

  /* Where the names of vertical lines stand above a panel, so that none touches another or is crossed by a line.
     `refs` have `label` and `at` (pixels); returns [{left, width, lane}], lane 0 being the lowest, with the fewest lanes that do. */
  function lanes(sheet, refs, low, high) {
    const choices = refs.map(({ label, at }) => {
      const width = sheet.measure(label);
      const inside = (left) => Math.max(low, Math.min(left, high - width));
      const lefts = [at - width / 2, at - 4, at - width + 4].map(inside);
      return [0, 1, 2].flatMap((lane) => lefts.map((left, k) => ({ left, width, lane, at, cost: 10 * lane + Math.min(k, 1) })));
    });
    const clash = (one, two) => {
      const touch = one.lane === two.lane && one.left < two.left + two.width + PAD && two.left < one.left + one.width + PAD;
      const crosses = (line, name) => line.lane > name.lane && line.at > name.left - 3 && line.at < name.left + name.width + 3;
      return touch || crosses(one, two) || crosses(two, one);
    };
    let best = { cost: Infinity, names: choices.map((c, i) => c[3 * Math.min(i, 2)]) };
    const place = (names, cost) => {
      if (cost >= best.cost) return;
      if (names.length === choices.length) best = { cost, names };
      else for (const next of choices[names.length]) if (!names.some((n) => clash(n, next))) place([...names, next], cost + next.cost);
    };
    place([], 0);
    return best.names;
  }

  window.Inversight = Object.assign(window.Inversight || {}, { Sheet, roomFor, lanes, FONT, LINE, kinds: {} });
})();
