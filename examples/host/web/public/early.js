// Before the first paint: the chosen theme and language, so that nothing flashes.
(function () {
  try {
    var theme = localStorage.getItem("crm.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    var language = localStorage.getItem("crm.language");
    if (language) document.documentElement.lang = language;
  } catch {
    // Without storage the system's choice holds.
  }
})();
