// What scripts say, in the language of the page: base.html hands over the sentences of SCRIPT_WORDS (config/templatetags/told.py).
"use strict";

(() => {
  const told = document.getElementById("script-words");
  const words = told ? JSON.parse(told.textContent) : {};
  const word = (english) => words[english] ?? english;
  const number = (value) => value.toLocaleString(document.documentElement.lang || "en-GB");
  window.Inversight = Object.assign(window.Inversight || {}, { word, number });
})();
