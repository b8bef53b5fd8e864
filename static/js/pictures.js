/* Draws every picture of the page: on load, when its room changes, and when the page turns light or dark. */
(() => {
  "use strict";
  const { kinds } = window.Inversight;
  const drawn = new Map(); // element → the width it was drawn for

  /* Tiles are plain elements: there is nothing to see in them but their words. */
  function gallery(element, picture) {
    const tiles = document.createElement("div");
    tiles.className = "tiles";
    for (const row of picture.rows) {
      const tile = document.createElement("div");
      tile.className = "tile";
      for (const [kind, text] of [["name", row.label], ["state", row.note]]) {
        const word = document.createElement("span");
        word.className = kind;
        word.dir = "auto";
        word.textContent = text;
        tile.append(word);
      }
      tiles.append(tile);
    }
    element.replaceChildren(tiles);
  }

  function chart(element, picture, width) {
    const [option, height] = kinds[picture.kind](element, picture, width);
    echarts.getInstanceByDom(element)?.dispose();
    element.style.height = `${Math.ceil(height)}px`;
    echarts.init(element, null, { renderer: "svg", width, height: Math.ceil(height) }).setOption(option);
    // Paper is narrower than most windows and gives no time to draw anew; with this the style sheet can shrink the drawing.
    element.querySelector("svg").setAttribute("viewBox", `0 0 ${width} ${Math.ceil(height)}`);
  }

  function draw(element) {
    const width = Math.floor(element.clientWidth);
    if (!width) return; // hidden: drawn when it gets room
    const picture = JSON.parse(document.getElementById(element.dataset.picture).textContent);
    if (picture.kind === "gallery") gallery(element, picture);
    else if (kinds[picture.kind]) chart(element, picture, width);
    else return;
    // The table was open for readers without a script; from the first drawing on it opens on request.
    if (!drawn.has(element)) element.closest("figure")?.querySelector("details")?.removeAttribute("open");
    drawn.set(element, width);
  }

  const elements = document.querySelectorAll("[data-picture]");
  // Drawing changes the height, so it waits for the next frame: an observer must not set off itself.
  const watcher = new ResizeObserver((entries) => {
    requestAnimationFrame(() => {
      for (const { target } of entries) if (drawn.get(target) !== Math.floor(target.clientWidth)) draw(target);
    });
  });
  elements.forEach((element) => {
    draw(element);
    watcher.observe(element);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => elements.forEach(draw));
})();
