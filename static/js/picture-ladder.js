/* Picture 4: success per rung of access. Upright as on paper where every rung has room for its words, else rung below rung. */
(() => {
  "use strict";
  const { word, number, Sheet, lanes, shareAxis, uprights, roomAbove, LINE, AXIS, kinds } = window.Inversight;

  const HEIGHT = 220;
  const STRIP = 20;
  const SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1];

  const releaseOf = (picture) => picture.refs.find((r) => r.style === "shaded");
  const linesOf = (picture) => picture.refs.filter((r) => r.style !== "shaded");

  /* The words below a rung: value, interval, attack and number of records; or why there are none. */
  function wordsOf(row) {
    const mark = row.marks[0];
    if (!mark) return [{ text: row.note, muted: true }];
    if (mark.value === null) return [{ text: mark.text, muted: true }];
    const [value, interval] = mark.text.split(" [");
    const below = [value, ...(interval ? [`[${interval}`] : [])].map((text) => ({ text }));
    return [...below, { text: row.note, muted: true }, { text: countOf(mark), muted: true }];
  }

  const countOf = (mark) => `n = ${number(mark.n)}`;

  /* The names of the lines at their right ends, pushed apart where they would touch. */
  function sideNames(sheet, picture, left, top) {
    let last = Infinity;
    for (const ref of [...linesOf(picture)].sort((a, b) => a.value - b.value)) {
      const y = Math.min(top + (1 - ref.value) * HEIGHT, last - LINE);
      sheet.say(left, y, ref.label, { ink: sheet.ink.muted });
      last = y;
    }
  }

  function upright(sheet, picture) {
    const { ink } = sheet;
    const left = 56;
    const n = picture.rows.length;
    const names = sheet.widest(linesOf(picture).map((r) => r.label));
    const pitch = Math.min((sheet.width - left - names - 12) / n, 170);
    const release = releaseOf(picture);
    const words = picture.rows.map(wordsOf);
    const need = Math.max(sheet.widest(words.flat().map((w) => w.text)), sheet.widest(picture.rows.map((r) => r.label), true), 78);
    if (pitch < need + 12) return null;
    const top = LINE + 10;
    const width = pitch * n;
    const named = new Map(SHARES.map((v) => [v, String(Math.round(100 * v))]));
    const y = { type: "value", min: 0, max: 1, ticks: SHARES, words: named, name: word("success, %"), gap: 38, axisLine: { show: false } };
    const panel = sheet.panel({ left, top, width, height: HEIGHT, y: { ...y, axisTick: { show: false } } });
    panel.lines(SHARES.map((v) => [[0, v], [width, v]]), ink.hairline, { z: 1 });
    panel.lines([[[0, 0], [width, 0]]], ink.edge);
    if (release) {
      const x = (release.value + 0.5) * pitch;
      panel.lines([[[x, 0], [x, 1]]], ink.edge, { width: pitch, opacity: 0.18, z: 0 });
      sheet.say(left + x, top - 12, release.label, { align: "center", ink: ink.muted });
    }
    for (const ref of linesOf(picture)) panel.lines([[[0, ref.value], [width, ref.value]]], ink.muted, { width: 1.4, style: ref.style, z: 3 });
    sideNames(sheet, picture, left + width + 8, top);
    picture.rows.forEach((row, i) => {
      const x = left + (i + 0.5) * pitch;
      sheet.say(x, top + HEIGHT + 16, row.label, { bold: true, align: "center" });
      words[i].forEach((w, k) => sheet.say(x, top + HEIGHT + 16 + (k + 1) * LINE, w.text, { align: "center", ink: w.muted ? ink.muted : ink.text }));
      if (row.marks.length && row.marks[0].value !== null) rung(panel, row.marks[0], (i + 0.5) * pitch);
    });
    return top + HEIGHT + 16 + (Math.max(...words.map((w) => w.length)) + 1) * LINE;
  }

  /* One mark with its interval standing upright. */
  function rung(panel, mark, x) {
    const pieces = [[[x, mark.low], [x, mark.high]], ...[mark.low, mark.high].map((v) => [[x - 3.5, v], [x + 3.5, v]])];
    panel.lines(pieces, panel.sheet.inkOf("attack"), { width: 1.8, z: 4 });
    panel.points("attack", [[x, mark.value]]);
  }

  function narrow(sheet, picture) {
    const left = 10;
    const width = sheet.width - 2 * left - 8;
    const share = shareAxis(sheet, 0, width, word("success, %"));
    const refs = linesOf(picture);
    const names = lanes(sheet, refs.map((r) => ({ ...r, at: share.at(r.value) })), -left, sheet.width - left);
    const release = releaseOf(picture);
    const top = roomAbove(names);
    const split = sheet.width < 480;
    const placed = [];
    const spans = [];
    const shaded = [];
    let y = 0;
    picture.rows.forEach((row, i) => {
      const mark = row.marks[0];
      const said = [release && release.value === i ? release.label : "", row.note, mark ? countOf(mark) : ""].filter(Boolean);
      const ink = mark && mark.value !== null ? sheet.ink.text : sheet.ink.muted;
      y = sheet.head(top + y, row.label, said.join(", "), mark ? mark.text : "", { bold: true, mark: ink, split }) - top + 2;
      if (release && release.value === i) shaded.push(y + STRIP / 2);
      if (mark && mark.value !== null) placed.push({ mark, y: y + STRIP / 2 });
      spans.push([y, y + STRIP]);
      y += STRIP + 10;
    });
    const panel = sheet.panel({ left, top, width, height: y, x: share.axis });
    panel.lines(shaded.map((at) => [[0, at], [1, at]]), sheet.ink.edge, { width: STRIP, opacity: 0.18, z: 0 });
    uprights(panel, share, refs, names, spans);
    panel.across(placed);
    return top + y + AXIS;
  }

  kinds.ladder = (element, picture, width) => {
    let sheet = new Sheet(element, width);
    let height = upright(sheet, picture);
    if (height === null) {
      sheet = new Sheet(element, width);
      height = narrow(sheet, picture);
    }
    return [sheet.option(), height];
  };
})();
