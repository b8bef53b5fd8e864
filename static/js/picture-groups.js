/* Picture 2: outcomes and leakage by group, worst first. Side by side where there is room, else below one another. */
(() => {
  "use strict";
  const { word, number, Sheet, roomFor, lanes, roomAbove, LINE, AXIS, kinds } = window.Inversight;

  const SIDES = [
    { axis: "ratio", arms: ["ratio", "best"], head: word("Outcome: rate against the best group"), scale: word("ratio, log scale") },
    { axis: "points", arms: ["difference"], head: word("Leakage: points more than everyone else"), scale: word("points") },
  ];
  const TICKS = [1, 0.8, 0.5, 1.25, 0.64, 0.4, 0.2, 2, 0.1, 4, 0.05, 8]; // the ones to name first come first
  const STRIP = 18;

  const markOf = (row, arms) => row.marks.find((m) => arms.includes(m.arm));
  const digitsOf = (mark) => (mark ? mark.text.replace(` ${word("points")}`, "") : word("not compared"));
  const refsOf = (picture, side) => picture.refs.filter((r) => r.axis === side.axis);

  /* Lowest and highest value of a side, ends of intervals and its lines included. */
  function rangeOf(picture, side) {
    const arms = side.axis === "points" ? [...side.arms, "null"] : side.arms;
    const marks = picture.rows.flatMap((row) => row.marks).filter((m) => arms.includes(m.arm));
    const ends = marks.flatMap((m) => [m.low, m.high]).filter((v) => v !== null);
    ends.push(...refsOf(picture, side).map((r) => r.value));
    if (side.axis === "ratio") return [Math.max(Math.min(0.4, ...ends) * 0.94, 0.05), Math.min(Math.max(1.25, ...ends) * 1.04, 9)];
    const whole = (round, v) => round(v / 0.05) * 0.05;
    return [whole(Math.floor, Math.min(-0.05, ...ends)), whole(Math.ceil, Math.max(0.05, ...ends))];
  }

  function ticksOf(side, low, high) {
    if (side.axis === "ratio") return TICKS.filter((t) => low <= t && t <= high);
    const step = [0.05, 0.1, 0.2, 0.5].find((s) => (high - low) / s <= 6) || 1;
    const [from, to] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
    const all = Array.from({ length: to - from + 1 }, (_, k) => Number(((from + k) * step).toFixed(2)));
    return all.sort((a, b) => Math.abs(a) - Math.abs(b)); // zero is named first, then outwards
  }

  /* The scale of a side along `width` pixels: where a value lies, and the axis for ECharts. */
  function scaleOf(sheet, picture, side, width) {
    const [low, high] = rangeOf(picture, side);
    const log = side.axis === "ratio";
    const clamp = (v) => Math.min(Math.max(v, low), high);
    const at = (v) => (log ? Math.log(clamp(v) / low) / Math.log(high / low) : (clamp(v) - low) / (high - low)) * width;
    const ticks = ticksOf(side, low, high);
    const named = (v) => (log ? number(v) : String(Math.round(100 * v)).replace("-", "−"));
    const words = roomFor(sheet, ticks, at, named);
    return { at, clamp, axis: { type: log ? "log" : "value", min: low, max: high, ticks, words, name: side.scale } };
  }

  /* Limit and equality over the stretches that hold marks, each with its name above. */
  function uprights(panel, scale, refs, names, spans) {
    const { sheet } = panel;
    refs.forEach((ref, i) => {
      const ink = ref.style === "dashed" ? sheet.ink.limit : sheet.ink.edge;
      const { left, width, lane } = names[i];
      const top = -(lane * LINE + 6);
      const pieces = [...spans.map(([from, to]) => [[ref.value, from], [ref.value, to]]), [[ref.value, top], [ref.value, 0]]];
      panel.lines(pieces, ink, { width: 1.4, style: ref.style, z: 3 });
      const word = ref.style === "dashed" ? ink : sheet.ink.muted;
      sheet.say(panel.left + left + width / 2, panel.top + top - LINE / 2, ref.label, { ink: word, align: "center" });
    });
  }

  /* Bands of chance, then the marks: `rows` are [{row, y}] with y in pixels below the top of the panel. */
  function fill(panel, scale, side, rows) {
    if (side.axis === "points") {
      const bands = rows.map(({ row, y }) => ({ band: row.marks.find((m) => m.arm === "null" && m.value !== null), y }));
      const pieces = bands.filter((b) => b.band).map(({ band, y }) => [[scale.clamp(band.low), y], [scale.clamp(band.high), y]]);
      panel.lines(pieces, panel.sheet.ink.edge, { width: 14, opacity: 0.28, z: 1 });
    }
    panel.across(rows.map(({ row, y }) => ({ mark: markOf(row, side.arms), y })).filter(({ mark }) => mark), scale.clamp);
  }

  const namesFor = (sheet, picture, side, scale, low, high) =>
    lanes(sheet, refsOf(picture, side).map((r) => ({ ...r, at: scale.at(r.value) })), low, high);

  /* Where the columns of the wide form stand; null where its plots would be too small to read. */
  function columns(sheet, picture) {
    const name = Math.min(sheet.widest(picture.rows.map((r) => r.label)), 170);
    const count = sheet.widest(picture.rows.map((r) => r.note));
    const digits = SIDES.map((side) => Math.min(sheet.widest(picture.rows.map((r) => digitsOf(markOf(r, side.arms)))), 140));
    const plot = (sheet.width - name - count - digits[0] - digits[1] - 12 - 20 - 2 * 12 - 24) / 2;
    if (plot < 104) return null;
    const first = name + 12 + count + 20;
    const second = first + plot + 12 + digits[0] + 24;
    return { name, count: name + 12 + count, plot, digits, lefts: [first, second], edges: [second - 24, sheet.width] };
  }

  function wide(sheet, picture) {
    const c = columns(sheet, picture);
    if (c === null) return null;
    const heads = SIDES.map((side, k) => sheet.wrap(side.head, c.edges[k] - c.lefts[k], 2, true));
    const scales = SIDES.map((side) => scaleOf(sheet, picture, side, c.plot));
    const names = SIDES.map((side, k) => namesFor(sheet, picture, side, scales[k], -16, c.edges[k] - c.lefts[k]));
    const above = Math.max(...heads.map((h) => h.length)) * LINE + 6;
    const top = above + Math.max(...names.map(roomAbove));
    const rows = [];
    let y = 2;
    for (const row of picture.rows) {
      const name = sheet.wrap(row.label, c.name, 2);
      const digits = SIDES.map((side, k) => sheet.wrap(digitsOf(markOf(row, side.arms)), c.digits[k], 3));
      const height = Math.max(name.length, ...digits.map((d) => d.length)) * LINE + 6;
      const middle = y + height / 2;
      const start = (lines) => top + middle - (lines.length * LINE) / 2;
      sheet.sayLines(0, start(name), name);
      sheet.say(c.count, top + middle, row.note, { align: "right", ink: sheet.ink.muted });
      SIDES.forEach((side, k) => {
        const measured = markOf(row, side.arms)?.value ?? null;
        const ink = measured === null ? sheet.ink.muted : sheet.ink.text;
        sheet.sayLines(c.edges[k], start(digits[k]), digits[k], { align: "right", ink });
      });
      rows.push({ row, y: middle });
      y += height;
    }
    SIDES.forEach((side, k) => {
      sheet.sayLines(c.lefts[k], 0, heads[k], { bold: true });
      const panel = sheet.panel({ left: c.lefts[k], top, width: c.plot, height: y + 2, x: scales[k].axis });
      uprights(panel, scales[k], refsOf(picture, side), names[k], [[0, y + 2]]);
      fill(panel, scales[k], side, rows);
    });
    return top + y + 2 + AXIS;
  }

  /* One side below the other, each group's name and number above its own strip of the plot. Returns the new top. */
  function stacked(sheet, picture, side, from) {
    const left = 10;
    const width = sheet.width - 2 * left;
    const head = sheet.wrap(side.head, sheet.width, 2, true);
    sheet.sayLines(0, from, head, { bold: true });
    const scale = scaleOf(sheet, picture, side, width);
    const names = namesFor(sheet, picture, side, scale, -left, width + left);
    const top = from + head.length * LINE + 6 + roomAbove(names);
    const rows = [];
    const spans = [];
    let y = top + 4;
    for (const row of picture.rows) {
      const mark = markOf(row, side.arms);
      const measured = Boolean(mark) && mark.value !== null;
      y = sheet.head(y, row.label, row.note, digitsOf(mark), { mark: measured ? sheet.ink.text : sheet.ink.muted });
      if (measured) {
        rows.push({ row, y: y - top + STRIP / 2 });
        spans.push([y - top, y - top + STRIP]);
        y += STRIP;
      }
      y += 8;
    }
    const panel = sheet.panel({ left, top, width, height: y - top, x: scale.axis });
    uprights(panel, scale, refsOf(picture, side), names, spans);
    fill(panel, scale, side, rows);
    return y + AXIS;
  }

  kinds.groups = (element, picture, width) => {
    let sheet = new Sheet(element, width);
    let height = wide(sheet, picture);
    if (height === null) {
      sheet = new Sheet(element, width);
      height = SIDES.reduce((top, side) => stacked(sheet, picture, side, top && top + 16), 0);
    }
    return [sheet.option(), height];
  };
})();
