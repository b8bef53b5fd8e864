/* Picture 5: training records rightly named at each rate of outsiders wrongly named, both axes logarithmic, in a square. */
(() => {
  "use strict";
  const { word, number, Sheet, roomFor, LINE, kinds } = window.Inversight;

  const DECADES = [0.0001, 0.001, 0.01, 0.1, 1];
  const LEAST = DECADES[0];
  const FEW = 0.001;
  const SIDE = 380;
  const LEFT = 64;
  const BESIDE = 300;
  const percent = (share) => number(Number((100 * share).toPrecision(3)));

  /* A share of nobody has no place on a logarithmic axis: it is drawn on its floor. */
  const onAxis = (value) => Math.max(LEAST, Math.min(1, value));

  const marksOf = (picture, arm) =>
    picture.rows.flatMap((row) => row.marks.filter((m) => m.arm === arm && m.value !== null).map((mark) => ({ mark, x: row.at })));

  /* Names beside their marks, below one another where a line of them has no room. Returns the new top. */
  function key(sheet, picture) {
    const named = ["attack", "baseline"].flatMap((arm) => marksOf(picture, arm).slice(0, 1).map(({ mark }) => ({ arm, text: mark.label })));
    const refs = picture.refs.map((ref) => ({ ref, text: ref.label }));
    let [x, top] = [0, 0];
    for (const { arm, ref, text } of [...named, ...refs]) {
      const width = 24 + sheet.measure(text) + 18;
      if (x && x + width > sheet.width) [x, top] = [0, top + LINE];
      const y = top + LINE / 2;
      if (arm) sheet.key(arm, x + 8, y);
      else if (ref.style === "diamond") limit(sheet, x + 8, y);
      else dashes(sheet, x, y);
      sheet.sayLines(x + 24, top, sheet.wrap(text, sheet.width - x - 24, 1), { ink: sheet.ink.muted });
      x += width;
    }
    return top + LINE + 10;
  }

  function dashes(sheet, x, y) {
    const style = { stroke: sheet.ink.muted, lineWidth: 1.4, lineDash: [5, 4] };
    sheet.graphic.push({ type: "line", silent: true, z: 10, shape: { x1: x, y1: y, x2: x + 18, y2: y }, style });
  }

  function limit(sheet, x, y) {
    const shape = { points: [[x, y - 5], [x + 5, y], [x, y + 5], [x - 5, y]] };
    sheet.graphic.push({ type: "polygon", silent: true, z: 10, shape, style: { fill: sheet.ink.limit } });
  }

  /* The line of an arm through its marks, each with its interval standing upright. */
  function curve(panel, picture, arm) {
    const found = marksOf(picture, arm);
    const ends = found.slice(1).map(({ mark, x }, i) => [[found[i].x, onAxis(found[i].mark.value)], [x, onAxis(mark.value)]]);
    const ink = panel.sheet.inkOf(arm);
    panel.lines(ends, ink, { width: 1.8, z: 3 });
    panel.lines(found.map(({ mark, x }) => [[x, onAxis(mark.low)], [x, onAxis(mark.high)]]), ink, { width: 1.4, opacity: 0.7, z: 4 });
    panel.points(arm, found.map(({ mark, x }) => [x, onAxis(mark.value)]));
  }

  /* Every number of the curve, a rate after the other: with the model, and below it without. Returns its height. */
  function numbers(sheet, picture, left, right, top) {
    let y = top + LINE / 2;
    sheet.say(left, y, word("wrongly named"), { ink: sheet.ink.muted });
    sheet.say(right, y, word("rightly named"), { align: "right", ink: sheet.ink.muted });
    y += LINE + 4;
    for (const row of picture.rows) {
      sheet.say(left, y, row.label, { bold: true });
      for (const arm of ["attack", "baseline"]) {
        const mark = row.marks.find((m) => m.arm === arm);
        if (!mark) continue;
        const how = { align: "right", ink: arm === "attack" ? sheet.ink.text : sheet.ink.muted };
        const said = arm === "attack" ? mark.text : `${mark.label} ${mark.text}`;
        for (const line of sheet.wrap(said, right - left)) {
          sheet.say(right, y, line, how);
          y += LINE;
        }
      }
      y += 4;
    }
    return y - top;
  }

  function axis(sheet, name, gap, ticks, at) {
    const words = roomFor(sheet, ticks, at, percent);
    return { type: "log", logBase: 10, min: LEAST, max: 1, ticks: DECADES, words, name, gap };
  }

  kinds.roc = (element, picture, width) => {
    const sheet = new Sheet(element, width);
    const { ink } = sheet;
    const top = key(sheet, picture);
    const beside = width >= LEFT + SIDE + BESIDE;
    const side = Math.min(SIDE, width - LEFT - 12);
    const along = (value) => (side * Math.log10(value / LEAST)) / 4;
    const x = axis(sheet, word("wrongly named, % of outsiders"), 30, DECADES, along);
    const y = axis(sheet, word("rightly named, % of training records"), 46, DECADES.slice(1), (v) => 3 * along(v));
    const panel = sheet.panel({ left: LEFT, top, width: side, height: side, x, y });
    panel.lines(DECADES.map((v) => [[LEAST, v], [1, v]]), ink.hairline, { z: 1 });
    const middle = Math.sqrt(LEAST * FEW);
    panel.lines([[[middle, LEAST], [middle, 1]]], ink.edge, { width: along(FEW), opacity: 0.12, z: 0 });
    panel.lines([[[LEAST, LEAST], [1, 1]]], ink.muted, { width: 1.4, style: "dashed", z: 2 });
    for (const arm of ["baseline", "attack"]) curve(panel, picture, arm);
    for (const ref of picture.refs.filter((r) => r.style === "diamond")) {
      const itemStyle = { color: ink.limit, opacity: 1 };
      panel.draw("scatter", { data: [[Number(ref.axis), ref.value]], symbol: "diamond", symbolSize: 12, itemStyle, z: 6 });
    }
    const bottom = top + side + 52;
    if (beside) return [sheet.option(), Math.max(bottom, top + numbers(sheet, picture, width - BESIDE + 24, width, top))];
    return [sheet.option(), bottom + 8 + numbers(sheet, picture, 0, width, bottom + 8)];
  };
})();
