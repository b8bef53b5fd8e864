/* Picture 1: right guesses without the model, with it, and on outsiders. The ladder of a narrow page is drawn the same way. */
(() => {
  "use strict";
  const { word, Sheet, roomFor, lanes, LINE, kinds } = window.Inversight;

  const AXIS = 50; // pixels below a plot for tick names and the name of the axis
  const PITCH = 20; // pixels from one mark to the next

  /* Shares from `start` to 1 along a plot of `width` pixels. */
  function shareAxis(sheet, start, width, name) {
    const step = start ? 0.1 : 0.2;
    const ticks = Array.from({ length: Math.round((1 - start) / step) + 1 }, (_, k) => Number((start + k * step).toFixed(1)));
    const at = (value) => ((Math.min(Math.max(value, start), 1) - start) / (1 - start)) * width;
    const words = roomFor(sheet, ticks, at, (v) => String(Math.round(100 * v)));
    return { at, ticks, axis: { type: "value", min: start, max: 1, ticks, words, name } };
  }

  /* Grid, reference lines and their names. `spans` are the stretches of the plot, in pixels below its top, that hold marks. */
  function uprights(panel, share, refs, names, spans) {
    const { sheet } = panel;
    const pieces = (v) => spans.map(([from, to]) => [[v, from], [v, to]]);
    panel.lines(share.ticks.flatMap(pieces), sheet.ink.hairline, { z: 1 });
    refs.forEach((ref, i) => {
      const { left, width, lane } = names[i];
      const top = -(lane * LINE + 6);
      panel.lines([...pieces(ref.value), [[ref.value, top], [ref.value, 0]]], sheet.ink.muted, { width: 1.4, style: ref.style, z: 3 });
      sheet.say(panel.left + left + width / 2, panel.top + top - LINE / 2, ref.label, { ink: sheet.ink.muted, align: "center" });
    });
  }

  const roomAbove = (names) => (names.length ? (Math.max(...names.map((n) => n.lane)) + 1) * LINE + 10 : 8);

  const axisName = (start) => word("right guesses, %") + (start ? word(", axis starts at 50") : "");

  /* Half of the scale is empty where nothing lies below chance; the axis then says where it starts. */
  function startOf(picture) {
    const lows = picture.rows.flatMap((row) => row.marks.map((m) => m.low)).filter((v) => v !== null);
    const least = Math.min(...lows, ...picture.refs.filter((r) => r.style !== "shaded").map((r) => r.value));
    return least >= 0.5 && least < Infinity ? 0.5 : 0;
  }

  /* Names at the left, plot, key and number at the right. Null where the plot would be too small to read. */
  function wide(sheet, picture, start) {
    const marks = picture.rows.flatMap((row) => row.marks);
    const left = Math.min(sheet.widest(picture.rows.flatMap((r) => [r.label, r.note]), true), 180) + 16;
    const labels = sheet.widest(marks.map((m) => m.label)) + 20;
    const texts = textsWidth(sheet, marks);
    const width = sheet.width - left - labels - texts - 40;
    if (width < 180) return null;
    const words = sheet.width - labels - texts - 12;
    const share = shareAxis(sheet, start, width, axisName(start));
    const names = lanes(sheet, picture.refs.map((r) => ({ ...r, at: share.at(r.value) })), 0, sheet.width - left);
    const top = roomAbove(names);
    const placed = [];
    let y = 0;
    picture.rows.forEach((row, i) => {
      if (i) sheet.rule(0, top + y, sheet.width, top + y);
      const block = rowTexts(sheet, row, texts);
      const height = Math.max(block.height, 2 * LINE) + 20;
      const middle = y + height / 2;
      sheet.sayLines(0, top + middle - LINE, sheet.wrap(row.label, left - 16, 1, true), { bold: true });
      sheet.sayLines(0, top + middle, sheet.wrap(row.note, left - 16, 1), { ink: sheet.ink.muted });
      let at = middle - block.height / 2;
      block.lines.forEach(({ mark, lines, tall }) => {
        const centre = top + at + tall / 2;
        placed.push({ mark, y: at + tall / 2 });
        sheet.key(mark.arm, words, centre);
        sheet.say(words + 12, centre, mark.label, { ink: sheet.inkOf(mark.arm) });
        lines.forEach((line, k) => sheet.say(sheet.width, centre + (k - (lines.length - 1) / 2) * LINE, line, { ...said(sheet, mark), align: "right" }));
        at += tall;
      });
      y += height;
    });
    const panel = sheet.panel({ left, top, width, height: y, x: share.axis });
    uprights(panel, share, picture.refs, names, [[0, y]]);
    panel.across(placed, (v) => Math.max(v, start));
    return top + y + AXIS;
  }

  /* The number of the attack is the loudest; a reason in place of a number is quiet. */
  const said = (sheet, mark) =>
    mark.value === null ? { bold: false, ink: sheet.ink.muted } : { bold: mark.arm === "attack", ink: sheet.ink.text };

  /* Room for every number whole; a reason, which may be long, takes more lines instead. */
  function textsWidth(sheet, marks) {
    const widest = (some) => sheet.widest(some.map((m) => m.text), true);
    return Math.max(widest(marks.filter((m) => m.value !== null)), Math.min(widest(marks.filter((m) => m.value === null)), 165));
  }

  /* The numbers of a row as lines of `width`, and how tall they are together. */
  function rowTexts(sheet, row, width) {
    const lines = row.marks.map((mark) => {
      const cut = sheet.wrap(mark.text, width, 3, said(sheet, mark).bold);
      return { mark, lines: cut, tall: Math.max(PITCH, cut.length * LINE + 2) };
    });
    return { lines, height: lines.reduce((sum, l) => sum + l.tall, 0) };
  }

  /* Each row as a block of its own: name, plot, then a line per mark. */
  function narrow(sheet, picture, start) {
    const left = 10;
    const width = sheet.width - 2 * left - 8;
    const share = shareAxis(sheet, start, width, axisName(start));
    const names = lanes(sheet, picture.refs.map((r) => ({ ...r, at: share.at(r.value) })), -left, sheet.width - left);
    const placed = [];
    const spans = [];
    let top = 0;
    let first = null;
    let y = 0;
    picture.rows.forEach((row, i) => {
      if (i) sheet.rule(0, y + 8, sheet.width, y + 8);
      y = sheet.head(y + (i ? 16 : 0), row.label, row.note, "", { bold: true });
      y = row.marks.reduce((at, mark) => keyed(sheet, mark, at), y + 2);
      if (i === 0) {
        y += roomAbove(names);
        top = first = y;
      } else y += 6;
      const drawn = row.marks.filter((m) => m.value !== null);
      if (!drawn.length) return;
      const height = drawn.length * PITCH + 8;
      drawn.forEach((mark, k) => placed.push({ mark, y: y - first + 4 + (k + 0.5) * PITCH }));
      spans.push([y - first, y - first + height]);
      y += height + 8;
    });
    const panel = sheet.panel({ left, top, width, height: y - 8 - top, x: share.axis });
    uprights(panel, share, picture.refs, names, spans);
    panel.across(placed, (v) => Math.max(v, start));
    return y - 8 + AXIS;
  }

  /* Shape, name and number of a mark on a line, or on several where the number is a long reason. Returns the new top. */
  function keyed(sheet, mark, top) {
    const how = said(sheet, mark);
    sheet.key(mark.arm, 6, top + LINE / 2);
    sheet.say(18, top + LINE / 2, mark.label, { ink: sheet.inkOf(mark.arm) });
    if (18 + sheet.measure(mark.label) + 12 + sheet.measure(mark.text, how.bold) <= sheet.width) {
      sheet.say(sheet.width, top + LINE / 2, mark.text, { ...how, align: "right" });
      return top + LINE;
    }
    const lines = sheet.wrap(mark.text, sheet.width - 18, 3, how.bold);
    sheet.sayLines(18, top + LINE, lines, how);
    return top + (1 + lines.length) * LINE;
  }

  /* Draws and returns [option, height]. */
  kinds.three_guesses = (element, picture, width) => {
    const start = startOf(picture);
    let sheet = new Sheet(element, width);
    let height = wide(sheet, picture, start);
    if (height === null) {
      sheet = new Sheet(element, width);
      height = narrow(sheet, picture, start);
    }
    return [sheet.option(), height];
  };

  Object.assign(window.Inversight, { shareAxis, uprights, roomAbove, AXIS });
})();
