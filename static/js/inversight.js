// What pages need beyond links and forms. Every page works without it.
"use strict";

(() => {
  // A form is sent once: a second click on a slow page would hand in the same thing twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    const pressed = event.submitter;
    if (pressed && pressed.dataset.busy) pressed.textContent = pressed.dataset.busy;
    // A download leaves the page where it is.
    setTimeout(() => delete form.dataset.sent, 5000);
  });

  // Coming back by the back button shows the page as it was left, with its forms already sent.
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (!copy) return;
    navigator.clipboard.writeText(copy.dataset.copy).then(() => {
      copy.textContent = window.Inversight.word("copied");
    });
  });

  // Fields that only concern one choice appear with it.
  const choices = () => {
    document.querySelectorAll("[data-shown-by]").forEach((part) => {
      const chosen = document.querySelector(`input[name="${part.dataset.shownBy}"]:checked`);
      part.hidden = !chosen || !part.dataset.shownWhen.split(" ").includes(chosen.value);
    });
  };
  document.addEventListener("change", (event) => event.target.type === "radio" && choices());
  document.addEventListener("DOMContentLoaded", choices);

  // The page that watches an assessment says in its title how far it is.
  document.addEventListener("htmx:afterSwap", () => {
    const told = document.querySelector("[data-title]");
    if (told) document.title = `${told.dataset.title} · Inversight`;
  });
})();
