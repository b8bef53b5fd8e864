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
      copy.textContent = "copied";
    });
  });

  // Fields that only concern one choice appear with it.
  const show = (choice) => {
    document.querySelectorAll(`[data-shown-by="${choice.name}"]`).forEach((part) => {
      part.hidden = !part.dataset.shownWhen.split(" ").includes(choice.value);
    });
  };
  const choices = () => document.querySelectorAll("input[type=radio]:checked").forEach(show);
  document.addEventListener("change", (event) => event.target.type === "radio" && show(event.target));
  document.addEventListener("DOMContentLoaded", choices);
})();
