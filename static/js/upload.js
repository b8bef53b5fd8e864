// Sends a chosen file in pieces, shows how far it is, and goes on where it stopped when the line was lost.
"use strict";

(() => {
  const { word } = window.Inversight;
  const PIECE = 4 * 1024 * 1024;
  const RETRIES = 6;
  const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  const asked = async (url, options) => {
    const answer = await fetch(url, { headers: { "X-CSRFToken": token() }, credentials: "same-origin", redirect: "manual", ...options });
    if (answer.type === "opaqueredirect") throw new Error(word("You were signed out. Sign in in another tab, then choose the file again: it goes on where it stopped."));
    const told = answer.status === 204 ? {} : await answer.json();
    if (!answer.ok && told.received === undefined) throw new Error(told.problem || word("The server did not take the file. Try again in a minute."));
    return told;
  };

  const remembered = (file) => `upload:${file.name}:${file.size}:${file.lastModified}`;

  const begun = async (box, file) => {
    const known = sessionStorage.getItem(remembered(file));
    if (known) {
      try {
        return await asked(`${box.dataset.url}${known}/`, {});
      } catch {
        sessionStorage.removeItem(remembered(file));
      }
    }
    const body = new URLSearchParams({ kind: box.dataset.kind, filename: file.name, size: file.size });
    const told = await asked(box.dataset.url, { method: "POST", body });
    sessionStorage.setItem(remembered(file), told.id);
    return told;
  };

  const piece = async (url, file, from) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await asked(`${url}?offset=${from}`, { method: "PUT", body: file.slice(from, from + PIECE) });
      } catch (problem) {
        if (attempt === RETRIES || !(problem instanceof TypeError)) throw problem;
        await pause(500 * 2 ** attempt);
      }
    }
  };

  const send = async (box, file, say) => {
    let told = await begun(box, file);
    const url = `${box.dataset.url}${told.id}/`;
    while (!told.whole) {
      say(told, file);
      const next = await piece(url, file, told.received);
      if (next.problem && next.received === told.received) throw new Error(next.problem);
      told = next;
    }
    while (!told.checked) {
      say(told, file);
      await pause(1000);
      told = await asked(url, {});
    }
    say(told, file);
    return told;
  };

  const prepare = (box) => {
    const [chooser, hidden, bar, line] = ["[type=file]", "[name=upload]", "progress", "[data-sentence]"].map((one) => box.querySelector(one));
    const say = (told, file) => {
      bar.hidden = told.whole;
      bar.value = (100 * told.received) / told.bytes;
      line.textContent = told.whole ? told.sentence : `${word("Sent so far")}: ${Math.floor(bar.value)}%, ${file.name}`;
      line.classList.toggle("ok", Boolean(told.fits));
      line.classList.toggle("bad", Boolean(told.checked && !told.fits));
      hidden.value = told.whole ? told.id : "";
    };
    const named = () => {
      const name = box.closest("form").querySelector("[name=name]");
      if (name && !name.value && chooser.files[0]) name.value = chooser.files[0].name.replace(/(\.csv)?\.[^.]+$/, "");
    };
    chooser.removeAttribute("name");
    let sending = null;
    const chosen = () => {
      if (!chooser.files[0]) return;
      named();
      hidden.value = "";
      bar.hidden = false;
      line.className = "help";
      const now = send(box, chooser.files[0], say).catch((problem) => {
        bar.hidden = true;
        line.textContent = problem.message;
        line.classList.add("bad");
      });
      sending = now;
      now.then(() => {
        if (sending === now) sending = null;
      });
    };
    chooser.addEventListener("change", chosen);
    chosen(); // a file that was chosen before this script was here, or that the browser kept
    // Who presses the button while the file is on its way means: then.
    box.closest("form").addEventListener("submit", async (event) => {
      if (!sending) return;
      event.preventDefault();
      const form = event.target;
      await sending;
      delete form.dataset.sent;
      if (hidden.value) form.requestSubmit();
    });
  };

  document.querySelectorAll("[data-upload]").forEach(prepare);
})();
